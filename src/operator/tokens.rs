//! By which right an operator asks: a token that is given, one of the configured issuer, or one of the development issuer.

use std::fmt;
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "dev")]
use reqwest::Url;

use super::Error;
use super::issuer::{Credentials, Issuer};
use crate::config::Config;

const SCOPE: &str = "jobs/admin";

/// Where a client's tokens come from.
pub(crate) enum Tokens {
    /// This one, while it lasts.
    Given(String),
    /// The issuer, each kept until a server refuses it.
    Fetched {
        issuer: Box<Issuer>,
        who: Credentials,
        kept: Mutex<Option<String>>,
    },
}

impl Tokens {
    /// What the command line says, then the settings; for a server on this machine that nobody told of an issuer, what `dev` accepts.
    pub(super) fn new(config: &Config, given: Option<&String>, server: &str) -> Result<Self, Error> {
        if let Some(token) = given.or(config.operator.token.as_ref()) {
            return Ok(Self::Given(token.trim().to_owned()));
        }
        let Some(issuer) = config.issuers.first() else {
            return development(config, server);
        };
        let (Some(id), Some(secret)) = (&config.operator.client_id, &config.operator.client_secret) else {
            return Err(Error::Usage(format!(
                "no token: give one in POSTERN_TOKEN, or a client of {issuer} in POSTERN_CLIENT_ID and POSTERN_CLIENT_SECRET"
            )));
        };
        Ok(Self::Fetched {
            issuer: Box::new(Issuer::new(issuer)?),
            who: Credentials {
                client_id: id.clone(),
                client_secret: secret.clone(),
            },
            kept: Mutex::default(),
        })
    }

    /// A token that should be good now.
    pub(super) async fn token(&self) -> Result<String, Error> {
        match self {
            Self::Given(token) => Ok(token.clone()),
            Self::Fetched { issuer, who, kept } => {
                let known = lock(kept).clone();
                if let Some(token) = known {
                    return Ok(token);
                }
                let token = issuer.token(who, Some(SCOPE)).await?.access_token;
                *lock(kept) = Some(token.clone());
                Ok(token)
            }
        }
    }

    /// A server has refused this token. Whether there may be another.
    pub(super) fn forget(&self, token: &str) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Fetched { kept, .. } => {
                lock(kept).take_if(|known| known == token);
                true
            }
        }
    }
}

fn lock(kept: &Mutex<Option<String>>) -> std::sync::MutexGuard<'_, Option<String>> {
    // Whoever panicked while holding it left a token, or none.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(feature = "dev")]
fn development(config: &Config, server: &str) -> Result<Tokens, Error> {
    let is_here = Url::parse(server).is_ok_and(|url| super::issuer::is_loopback(&url));
    if !is_here {
        return Err(none());
    }
    let url = crate::stack::edge_url(config.edge_listen);
    let who = Credentials {
        client_id: "operator".to_owned(),
        client_secret: "operator-secret".to_owned(),
    };
    Ok(Tokens::Fetched {
        issuer: Box::new(Issuer::new(&url)?),
        who,
        kept: Mutex::default(),
    })
}

#[cfg(not(feature = "dev"))]
fn development(_config: &Config, _server: &str) -> Result<Tokens, Error> {
    Err(none())
}

fn none() -> Error {
    Error::Usage(
        "no token: give one in POSTERN_TOKEN, or an issuer in POSTERN_ISSUER and its client in POSTERN_CLIENT_ID and POSTERN_CLIENT_SECRET"
            .to_owned(),
    )
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(..)"),
            Self::Fetched { issuer, who, .. } => f
                .debug_struct("Fetched")
                .field("issuer", issuer)
                .field("who", who)
                .finish_non_exhaustive(),
        }
    }
}
