//! Who issues tokens: reachable, the one that it is taken for, with keys, and with the same time.

use futures::future::join_all;
use postern_server::auth::{self, ExamineError, KeysError};

use super::clock;
use super::finding::Finding;
use crate::config::Config;
use crate::role::server;

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let settings = server::auth(config);
    let issuers = config.issuers.iter().map(|issuer| one(&settings, issuer));
    join_all(issuers).await.into_iter().flatten().collect()
}

async fn one(settings: &auth::Config, issuer: &str) -> Vec<Finding> {
    match auth::examine(settings, issuer).await {
        Ok(found) => {
            let keys = Finding::ok("issuer", format!("{issuer}: {} keys", found.keys));
            [keys]
                .into_iter()
                .chain(clock::check(issuer, found.date))
                .collect()
        }
        Err(ExamineError::Config(error)) => {
            vec![Finding::wrong("issuer", error.to_string(), "put issuer right")]
        }
        Err(ExamineError::Keys(error)) => {
            let advice = advice(&error);
            vec![Finding::wrong(
                "issuer",
                format!("{issuer}: {:#}", anyhow::Error::from(error)),
                advice,
            )]
        }
    }
}

fn advice(error: &KeysError) -> &'static str {
    match error {
        KeysError::Http(_) | KeysError::Timeout => {
            "see whether this machine reaches it, and whether its certificate is good"
        }
        KeysError::Status(_) | KeysError::Configuration(_) | KeysError::TooLarge => {
            "put issuer right: below it must be /.well-known/openid-configuration"
        }
        KeysError::OtherIssuer => {
            "name the issuer exactly as it names itself in /.well-known/openid-configuration, a slash at its end included"
        }
        KeysError::KeysUrl(_) | KeysError::Keys => {
            "it must publish RS256 keys of its own over https; the development issuer's are refused"
        }
    }
}
