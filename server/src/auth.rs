//! Token to partner: who calls, and what the token lets them do.
//!
//! Knows nothing of gRPC beyond the paths of methods, and of the API only the option that says which scope a method asks for. A token's
//! word counts only once its signature was checked with a key that its issuer publishes over a channel we chose: nothing that the token
//! itself says about keys (`jku`, `x5u`, `jwk`) is looked at.

mod endpoint;
mod examine;
mod issuer;
mod jwks;
mod jwt;
mod partners;
mod refresh;
mod rules;
mod verified;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};

use crate::job::PartnerId;
use issuer::Issuer;
use jwt::Jwt;
use partners::Partners;
use verified::{Entry, Verified};

pub use endpoint::Error as KeysError;
pub use examine::{ExamineError, Examined, examine};
pub use refresh::Refresh;
pub use rules::{Access, Rules, RulesError};

/// Tokens that issuers make are a tenth of this.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Whose tokens count, and whom they stand for.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The issuers' URLs, at least one, exactly as they stand in `iss`: https, or http on loopback.
    pub issuers: Vec<String>,
    /// The partners that are not just the one client of their own name.
    pub partners: Vec<PartnerConfig>,
    /// Keys that never count, by their id or RFC 7638 thumbprint, such as those whose private half is public.
    pub refused_key_ids: Vec<String>,
}

/// A partner and the clients that act for it.
#[derive(Debug, Clone)]
pub struct PartnerConfig {
    /// Our own id of the partner.
    pub id: String,
    /// Whose clients these are; the only issuer, when not given.
    pub issuer: Option<String>,
    /// `client_id`s.
    pub clients: Vec<String>,
}

/// Why no token could be checked with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nobody could get in.
    #[error("no token issuer is configured")]
    NoIssuer,
    /// Not a URL that keys may be fetched from.
    #[error("issuer {url}: {why}")]
    Issuer {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A partner is not clear.
    #[error("partner {id}: {why}")]
    Partner {
        /// Our id of it.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// The HTTP client for keys cannot be made.
    #[error("the client that fetches keys cannot be made")]
    Client(#[from] reqwest::Error),
}

/// Who calls. Only made from a token that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Our own id of the partner, whichever of its clients calls.
    pub partner: PartnerId,
    /// The client, as its issuer calls it.
    pub client_id: String,
    /// What the token lets it do.
    pub scopes: Vec<String>,
    /// When the token ends.
    pub expires_at: SystemTime,
}

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no bearer token (RFC 6750 §2.1). The caller should get one.
    #[error("no bearer token")]
    Missing,
    /// The token does not count, for a reason that is for our log alone. The caller should get another.
    #[error("invalid token: {0}")]
    Invalid(&'static str),
    /// The token has counted once. The caller should get a new one.
    #[error("expired token")]
    Expired,
    /// The issuer's keys cannot be had now. The caller should come again.
    #[error("the issuer's keys cannot be had")]
    IssuerUnavailable,
}

/// Checks tokens. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    issuers: Vec<Issuer>,
    partners: Partners,
    refused: Arc<[String]>,
    verified: Mutex<Verified>,
}

impl Authenticator {
    /// Checks tokens by this configuration, with the keys that [`Refresh`] fetches while it runs; without it no token can be checked.
    ///
    /// The process needs a default TLS provider (rustls) by now.
    ///
    /// # Errors
    /// When the configuration is not clear.
    pub fn new(config: Config) -> Result<(Self, Refresh), ConfigError> {
        if config.issuers.is_empty() {
            return Err(ConfigError::NoIssuer);
        }
        let partners = Partners::new(&config.issuers, &config.partners)?;
        let refused: Arc<[String]> = config.refused_key_ids.into();
        let mut refresh = Refresh::default();
        let mut issuers = Vec::new();
        for url in config.issuers {
            issuers.push(refresh.add(url, &refused)?);
        }
        let inner = Inner {
            issuers,
            partners,
            refused,
            verified: Mutex::default(),
        };
        Ok((Self(Arc::new(inner)), refresh))
    }

    /// Who calls, by the value of the header `authorization`. May wait for the issuer's keys, for a few seconds.
    ///
    /// # Errors
    /// [`Error`] says why nobody does.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, Error> {
        let token = bearer(authorization)?;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Error::Invalid("it is too long"));
        }
        let id = digest(&SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .expect("SHA-256 has 32 bytes");
        if let Some(caller) = self.0.known(&id) {
            return Ok(caller);
        }
        let entry = self.0.check(token).await?;
        let caller = entry.caller.clone();
        self.0.verified().insert(id, entry);
        Ok(caller)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of the tokens that are known.
        f.debug_struct("Authenticator")
            .field("issuers", &self.0.issuers)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Who a token stands for that was checked before, unless it has expired or its key is gone since.
    fn known(&self, id: &[u8; 32]) -> Option<Caller> {
        let verified = self.verified();
        let entry = verified.get(id)?;
        let counts = SystemTime::now() < entry.caller.expires_at
            && self.issuers[entry.issuer].has(&entry.key_id, &entry.key);
        counts.then(|| entry.caller.clone())
    }

    async fn check(&self, token: &str) -> Result<Entry, Error> {
        let jwt = Jwt::parse(token)?;
        if self.refused.iter().any(|id| id == jwt.key_id()) {
            return Err(Error::Invalid("its key is refused"));
        }
        let issuer = self
            .issuers
            .iter()
            .position(|issuer| issuer.url() == jwt.issuer())
            .ok_or(Error::Invalid("its issuer is not ours"))?;
        let key = self.issuers[issuer].key(jwt.key_id()).await?;
        let key_id = jwt.key_id().to_owned();
        let claims = jwt.verify(&key)?.check(unix_seconds())?;
        let partner = self
            .partners
            .of(issuer, &claims.client_id)
            .ok_or(Error::Invalid("its client is nobody's"))?;
        let caller = Caller {
            partner,
            client_id: claims.client_id,
            scopes: claims.scopes,
            expires_at: claims.expires_at,
        };
        Ok(Entry {
            caller,
            issuer,
            key_id,
            key,
        })
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, Verified> {
        // Whoever panicked while holding it left a map that is still a map.
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of `Bearer …`; the scheme is read in any case (RFC 9110 §11.1). Another scheme is no attempt at all (RFC 6750 §3.1).
fn bearer(authorization: Option<&str>) -> Result<&str, Error> {
    let value = authorization.ok_or(Error::Missing)?.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::Missing);
    }
    Ok(token.trim_start())
}

fn unix_seconds() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
