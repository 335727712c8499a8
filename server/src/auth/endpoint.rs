//! Fetches an issuer's keys over HTTP: OpenID Connect Discovery, then the key set that it names. Everything has a limit.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::DATE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;

use super::ConfigError;
use super::jwks::Keys;

/// For both requests together.
const TIMEOUT: Duration = Duration::from_secs(5);
const RESPONSE_BYTES_MAX: usize = 256 * 1024;

/// Where an issuer's keys are.
#[derive(Debug)]
pub(super) struct Endpoint {
    issuer: String,
    configuration: Url,
    client: Client,
    refused: Arc<[String]>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Error {
    #[error("no answer")]
    Http(#[from] reqwest::Error),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer has more than {RESPONSE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the configuration is not that of an OpenID issuer")]
    Configuration(#[from] serde_json::Error),
    #[error("the configuration is that of another issuer")]
    OtherIssuer,
    #[error("the configuration's jwks_uri {0}")]
    KeysUrl(&'static str),
    #[error("there is no usable key")]
    Keys,
}

/// OpenID Connect Discovery 1.0 §3.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

impl Endpoint {
    /// The endpoint of an issuer. Needs a default TLS provider.
    pub(super) fn new(issuer: String, refused: Arc<[String]>) -> Result<Self, ConfigError> {
        let configuration = match configuration_url(&issuer) {
            Ok(url) => url,
            Err(why) => return Err(ConfigError::Issuer { url: issuer, why }),
        };
        let mut client = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent("postern");
        if is_loopback(&configuration) {
            // Whatever proxy there is, it has another loopback.
            client = client.no_proxy();
        }
        Ok(Self {
            issuer,
            configuration,
            client: client.build()?,
            refused,
        })
    }

    /// What stands in `iss`.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The issuer's keys.
    pub(super) async fn fetch(&self) -> Result<Keys, Error> {
        Ok(self.fetch_dated().await?.0)
    }

    /// The same, and the time at the issuer, where it tells.
    pub(super) async fn fetch_dated(&self) -> Result<(Keys, Option<SystemTime>), Error> {
        tokio::time::timeout(TIMEOUT, self.fetch_both())
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    async fn fetch_both(&self) -> Result<(Keys, Option<SystemTime>), Error> {
        let (configuration, _) = self.get(self.configuration.clone()).await?;
        let configuration: Configuration = serde_json::from_slice(&configuration)?;
        // Discovery §4.3: otherwise one issuer could speak for another.
        if configuration.issuer != self.issuer {
            return Err(Error::OtherIssuer);
        }
        let keys = trusted_url(&configuration.jwks_uri).map_err(Error::KeysUrl)?;
        if keys.scheme() != self.configuration.scheme() {
            return Err(Error::KeysUrl("has another scheme than the issuer"));
        }
        let (keys, date) = self.get(keys).await?;
        let keys = Keys::parse(&keys, &self.refused).ok_or(Error::Keys)?;
        Ok((keys, date))
    }

    async fn get(&self, url: Url) -> Result<(Vec<u8>, Option<SystemTime>), Error> {
        let mut response = self.client.get(url).send().await?;
        if !response.status().is_success() {
            return Err(Error::Status(response.status().as_u16()));
        }
        let date = response.headers().get(DATE);
        let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > RESPONSE_BYTES_MAX {
                return Err(Error::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((body, date))
    }
}

fn configuration_url(issuer: &str) -> Result<Url, &'static str> {
    let url = trusted_url(issuer)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have neither query nor fragment");
    }
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    Url::parse(&address).map_err(|_unreachable| "is not a URL")
}

/// A URL whose answer nobody on the way can have made: https, or http that never leaves the machine.
fn trusted_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_syntax| "is not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err("must be https (http is for loopback only)"),
        _ => Err("must be https"),
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_asked_over_https_or_on_loopback() {
        for (issuer, url) in [
            (
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a",
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a/.well-known/openid-configuration",
            ),
            (
                "https://issuer.example/",
                "https://issuer.example/.well-known/openid-configuration",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/.well-known/openid-configuration",
            ),
            (
                "http://[::1]:1",
                "http://[::1]:1/.well-known/openid-configuration",
            ),
            (
                "http://localhost",
                "http://localhost/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(configuration_url(issuer).map(String::from), Ok(url.to_owned()));
        }
    }

    #[test]
    fn others_are_not_asked() {
        for issuer in [
            "",
            "issuer.example",
            "ftp://issuer.example",
            "file:///etc/passwd",
            "http://issuer.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://0.0.0.0",
            "https://user:secret@issuer.example",
            "https://issuer.example?x",
            "https://issuer.example#x",
        ] {
            assert!(configuration_url(issuer).is_err(), "{issuer}");
        }
    }
}
