//! The development token issuer: tokens in the shape of a Cognito access token, for four well-known clients with well-known secrets.
//!
//! Its signing key is public. Servers outside of development and tests refuse it by [`DEVELOPMENT_KEY_ID`]. Knows nothing of the API
//! but the names of its scopes.

mod client;
mod key;
mod request;
mod router;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use serde_json::json;
use uuid::Uuid;

use client::Client;

pub use client::clients;
pub use key::{InvalidKey, SigningKey};

/// The RFC 7638 thumbprint of the development key, which is its `kid`, too: what servers refuse.
pub const DEVELOPMENT_KEY_ID: &str = "a0KpWImPSi6yXiv4IlP6efAlrLX0fXJ7uoDJ_Jx4vqY";
const DEVELOPMENT_KEY: &str = include_str!("../development-key.pem");

/// An issuer. Cheap to clone.
#[derive(Clone)]
pub struct Issuer {
    url: Arc<str>,
    key: Arc<SigningKey>,
}

/// Why there is no issuer, or no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not what could stand in `iss`.
    #[error("the issuer's URL {0:?} must begin with http:// or https://")]
    Url(String),
    /// The embedded key cannot be read.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// Nobody has this name.
    #[error("there is no client {0}; there are {known}", known = clients().collect::<Vec<_>>().join(", "))]
    ClientUnknown(String),
    /// The client may not have this scope.
    #[error("{client} may not have the scope {scope}")]
    ScopeDenied {
        /// Who asked.
        client: String,
        /// What for.
        scope: String,
    },
}

impl Issuer {
    /// An issuer that is reached at `url`, with the development key. A slash at the end is left out.
    ///
    /// # Errors
    /// When it is not an HTTP URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::with_key(url, SigningKey::from_pem(DEVELOPMENT_KEY)?)
    }

    /// The same with another key, for tests.
    ///
    /// # Errors
    /// When it is not an HTTP URL.
    pub fn with_key(url: &str, key: SigningKey) -> Result<Self, Error> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Error::Url(url.to_owned()));
        }
        Ok(Self {
            url: url.trim_end_matches('/').into(),
            key: Arc::new(key),
        })
    }

    /// What stands in `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it signs with.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// `POST /oauth2/token`, `GET /.well-known/openid-configuration` and `GET /.well-known/jwks.json`.
    pub fn router(&self) -> Router {
        router::router(self.clone())
    }

    /// A token for a client, with the scopes asked for (separated by spaces), or with all that the client may have. It holds for
    /// `lifetime`, in whole seconds; of zero it has expired at once.
    ///
    /// # Errors
    /// When there is no such client, or when it may not have a scope.
    pub fn token(&self, client: &str, scope: Option<&str>, lifetime: Duration) -> Result<String, Error> {
        let known = Client::find(client).ok_or_else(|| Error::ClientUnknown(client.to_owned()))?;
        match known.grant(scope) {
            Ok(scope) => Ok(self.sign(known, &scope, lifetime)),
            Err(scope) => Err(Error::ScopeDenied {
                client: client.to_owned(),
                scope,
            }),
        }
    }

    fn sign(&self, client: &Client, scope: &str, lifetime: Duration) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        self.key.sign(&json!({
            "sub": client.id,
            "token_use": "access",
            "scope": scope,
            "auth_time": now,
            "iss": &*self.url,
            "exp": now.saturating_add(lifetime.as_secs()),
            "iat": now,
            "version": 2,
            "jti": Uuid::now_v7().to_string(),
            "client_id": client.id,
        }))
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("url", &self.url)
            .field("key", &self.key)
            .finish()
    }
}
