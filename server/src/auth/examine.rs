//! How an issuer would serve, for those who say what is wrong instead of starting.

use std::time::SystemTime;

use super::endpoint::{self, Endpoint};
use super::{Config, ConfigError};

/// What an issuer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its keys that tokens can be checked with.
    pub keys: usize,
    /// The time there, where it tells.
    pub date: Option<SystemTime>,
}

/// Why an issuer cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// Not one that may be asked.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Asked, it gave no keys.
    #[error(transparent)]
    Keys(#[from] endpoint::Error),
}

/// Asks one issuer of this configuration for its keys, as a server would.
///
/// # Errors
/// When a server could not check its tokens.
pub async fn examine(config: &Config, issuer: &str) -> Result<Examined, ExamineError> {
    let endpoint = Endpoint::new(issuer.to_owned(), config.refused_key_ids.clone().into())?;
    let (keys, date) = endpoint.fetch_dated().await?;
    Ok(Examined {
        keys: keys.len(),
        date,
    })
}
