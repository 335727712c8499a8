//! Catalogs: what is taken, what is refused and where, and how payloads are held against schemas.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod faults;
mod files;
mod payloads;

use postern_server::catalog::{Catalog, Error, JobType, Source};

/// The catalog of these files.
fn load(files: &[(&str, &str)]) -> Result<Catalog, Error> {
    Catalog::load(&Source::Files(
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).into()))
            .collect(),
    ))
}

/// All faults of these files, as they are shown.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    load(files)
        .unwrap_err()
        .faults
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A job type that has only what it must have, and some lines more.
fn minimal(lines: &str) -> String {
    format!("name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {{type: object}}\n{lines}")
}

/// Catalog of one job type, for those who look at it.
fn one(yaml: &str) -> Catalog {
    load(&[("a.b.yaml", yaml)]).unwrap()
}

fn job_type(catalog: &Catalog) -> &JobType {
    catalog.get("a.b").unwrap()
}
