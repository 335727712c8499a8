//! Tokens of a configured issuer: where it gives them (OpenID Connect Discovery), then the client credentials grant (RFC 6749 §4.4).
//!
//! A secret goes over https alone, or over http that never leaves the machine, and follows no redirect. Everything has a limit.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;

use super::Error;
use super::refusal::cause;

const TIMEOUT: Duration = Duration::from_secs(10);
const RESPONSE_BYTES_MAX: usize = 256 * 1024;

/// An issuer that gives tokens.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    client: Client,
}

/// Who asks for a token.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// A token.
#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) access_token: String,
}

/// OpenID Connect Discovery 1.0 §3.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl Issuer {
    /// The issuer of this URL, as it stands in the tokens.
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let trusted = trusted(url)?;
        let mut client = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent("postern");
        if is_loopback(&trusted) {
            // Whatever proxy there is, it has another loopback.
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| Error::Failed(format!("the client of issuers cannot be made: {error}")))?;
        Ok(Self {
            url: url.to_owned(),
            client,
        })
    }

    /// A token of this client, with these scopes or all that it may have.
    pub(crate) async fn token(&self, who: &Credentials, scope: Option<&str>) -> Result<Token, Error> {
        let configuration = self.configuration().await?;
        let endpoint = configuration
            .token_endpoint
            .as_deref()
            .ok_or_else(|| Error::Failed(format!("the issuer {} has no token endpoint", self.url)))?;
        let endpoint = trusted(endpoint)?;
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(scope.map(|scope| ("scope", scope)));
        let request = self.client.post(endpoint);
        let request = if configuration.wants_form() {
            form.extend([
                ("client_id", who.client_id.as_str()),
                ("client_secret", who.client_secret.as_str()),
            ]);
            request
        } else {
            request.basic_auth(encoded(&who.client_id), Some(encoded(&who.client_secret)))
        };
        let (status, body) = self.send(request.form(&form)).await?;
        if status == 200 {
            return serde_json::from_slice(&body)
                .map_err(|_other| Error::Failed(format!("the issuer {} answered with no token", self.url)));
        }
        Err(self.refusal(status, &body))
    }

    async fn configuration(&self) -> Result<Configuration, Error> {
        let url = format!(
            "{}/.well-known/openid-configuration",
            self.url.trim_end_matches('/')
        );
        let (status, body) = self.send(self.client.get(trusted(&url)?)).await?;
        if status != 200 {
            return Err(self.refusal(status, &body));
        }
        let configuration: Configuration = serde_json::from_slice(&body).map_err(|error| {
            Error::Failed(format!("{url} has no configuration of an OpenID issuer: {error}"))
        })?;
        // Discovery §4.3: otherwise one issuer could have the secrets of another.
        if configuration.issuer != self.url {
            let (asked, other) = (&self.url, &configuration.issuer);
            return Err(Error::Failed(format!(
                "the issuer at {asked} calls itself {other}: that is its name"
            )));
        }
        Ok(configuration)
    }

    async fn send(&self, request: RequestBuilder) -> Result<(u16, Vec<u8>), Error> {
        let unavailable =
            |error: &reqwest::Error| Error::Unavailable(format!("the issuer {}: {}", self.url, cause(error)));
        let mut response = request.send().await.map_err(|error| unavailable(&error))?;
        let body = body(&mut response).await.map_err(|error| unavailable(&error))?;
        Ok((response.status().as_u16(), body))
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Error {
        let said = serde_json::from_slice::<Refusal>(body).ok();
        let (error, description) = said.map_or_else(
            || (format!("status {status}"), None),
            |said| (said.error, said.error_description),
        );
        let description = description.map(|text| format!(", {text}")).unwrap_or_default();
        let text = format!("the issuer {} gives no token: {error}{description}", self.url);
        match status {
            400 | 401 | 403 => Error::Denied(text),
            429 | 500.. => Error::Unavailable(text),
            _ => Error::Failed(text),
        }
    }
}

impl Configuration {
    /// HTTP Basic is what every issuer takes (RFC 6749 §2.3.1), unless it says that it does not.
    fn wants_form(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        methods.is_some_and(|methods| {
            let takes = |method: &str| methods.iter().any(|known| known == method);
            !takes("client_secret_basic") && takes("client_secret_post")
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

async fn body(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = RESPONSE_BYTES_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == RESPONSE_BYTES_MAX {
            break;
        }
    }
    Ok(body)
}

/// What stands in HTTP Basic (RFC 6749 §2.3.1, appendix B).
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A URL that a secret may be sent to, and whose answer nobody on the way can have made.
fn trusted(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| Error::Usage(format!("{text:?} is not a URL: {error}")))?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        return Ok(url);
    }
    Err(Error::Usage(format!(
        "{text} must be https (http is for loopback only)"
    )))
}

/// Whether what is sent there stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
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
    fn a_secret_goes_over_https_or_stays_on_the_machine() {
        for url in [
            "https://issuer.example",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost/x",
        ] {
            assert!(trusted(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "issuer.example",
            "http://issuer.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
        ] {
            assert!(trusted(url).is_err(), "{url}");
        }
    }
}
