//! What stands in files and in the environment.

use postern_server::auth::Authenticator;
use postern_server::catalog::{Catalog, Source};
use postern_server::seal::Seal;

use super::finding::Finding;
use crate::config::Config;
use crate::role::server;

/// A catalog, where it can be used.
pub(super) struct Read {
    pub(super) catalog: Option<Catalog>,
    pub(super) findings: Vec<Finding>,
}

/// The settings themselves, the keys of tokens, issuers and partners.
pub(super) fn check(config: &Config, mut faults: Vec<String>) -> Vec<Finding> {
    if let Err(missing) = config.require_for_server() {
        faults.extend(missing.into_faults());
    }
    let advice = "put it right in postern.toml, or by its variable (README, In production)";
    let mut findings: Vec<_> = faults
        .into_iter()
        .map(|fault| Finding::wrong("settings", fault, advice))
        .collect();
    if findings.is_empty() {
        findings.push(Finding::ok("settings", "complete"));
    }
    findings.extend(secret_key(config));
    findings.extend(partners(config));
    findings
}

/// The job types.
pub(super) fn catalog(config: &Config) -> Read {
    let Some(folder) = &config.catalog else {
        // Told among the settings.
        return Read {
            catalog: None,
            findings: Vec::new(),
        };
    };
    match Catalog::load(&Source::Folder(folder.clone())) {
        Ok(catalog) => {
            let says = format!("{} job types in {}", catalog.iter().count(), folder.display());
            let finding = match catalog.iter().next() {
                Some(_) => Finding::ok("catalog", says),
                None => Finding::warning(
                    "catalog",
                    says,
                    "nothing can be submitted: add a file for a job type",
                ),
            };
            Read {
                catalog: Some(catalog),
                findings: vec![finding],
            }
        }
        Err(error) => {
            let fault = |fault| Finding::wrong("catalog", format!("{fault}"), "put the file right");
            Read {
                catalog: None,
                findings: error.faults.iter().map(fault).collect(),
            }
        }
    }
}

fn secret_key(config: &Config) -> Option<Finding> {
    let keys = config.secret_key.as_deref()?;
    Some(match Seal::parse(keys) {
        Ok(_) => Finding::ok(
            "secret_key",
            format!("{} keys, the first signs", keys.split(',').count()),
        ),
        Err(error) => Finding::wrong(
            "secret_key",
            error.to_string(),
            "make one: openssl rand -base64 32",
        ),
    })
}

fn partners(config: &Config) -> Option<Finding> {
    if config.issuers.is_empty() {
        return None;
    }
    let read = Authenticator::new(server::auth(config));
    let advice = "put [[partners]] or the issuer right in postern.toml";
    Some(match read {
        Ok(_) => Finding::ok("partners", format!("{} listed", config.partners.len())),
        Err(error) => Finding::wrong("partners", error.to_string(), advice),
    })
}
