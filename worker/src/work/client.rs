//! HTTP, as far as it is needed here: a POST and its answer, over what the AWS SDK speaks to SQS with, so that a consumer carries one HTTP and one
//! TLS stack.

use std::time::Duration;

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;

/// A call that takes longer is given up.
const CALL_MAX: Duration = Duration::from_secs(3);
/// Of an answer; tokens are the largest, with some 2 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Not the URL of a server.
#[derive(Debug, thiserror::Error)]
#[error("not an http or https URL")]
pub(crate) struct InvalidUrl;

/// Makes calls, and keeps their connections.
#[derive(Debug)]
pub(super) struct Client {
    connector: Connector,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("not a request: {0}")]
    Request(#[from] http::Error),
    #[error("{}", aws_sdk_sqs::error::DisplayErrorContext(.0))]
    Connection(#[from] ConnectorError),
    #[error("the answer is cut off, or too large")]
    Body,
    #[error("no answer within {} s", CALL_MAX.as_secs())]
    Late,
}

/// Whether calls can be made to this URL.
pub(super) fn check(url: &str) -> Result<(), InvalidUrl> {
    let uri: http::Uri = url.parse().map_err(|_not_one| InvalidUrl)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if is_http && uri.host().is_some() {
        Ok(())
    } else {
        Err(InvalidUrl)
    }
}

impl Client {
    pub(super) fn new() -> Self {
        let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        Self {
            connector: Connector::builder().tls_provider(ring).build(),
        }
    }

    /// Status and body of the answer.
    pub(super) async fn post(
        &self,
        url: &str,
        content_type: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(u16, Vec<u8>), Failed> {
        let mut request = http::Request::post(url).header(http::header::CONTENT_TYPE, content_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(SdkBody::from(body))?;
        match timeout(CALL_MAX, self.call(request)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Failed::Late),
        }
    }

    async fn call(&self, request: http::Request<SdkBody>) -> Result<(u16, Vec<u8>), Failed> {
        let request = HttpRequest::try_from(request).expect("headers are text, as they were given");
        let answer = self.connector.call(request).await?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|_broken| Failed::Body)?;
        Ok((status, body.to_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_url_of_a_server_will_do() {
        for url in ["http://127.0.0.1:8080", "https://api.example.com/postern"] {
            assert!(check(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "127.0.0.1:8080",
            "ftp://example.com",
            "http://",
            "/v1",
            "https://a b",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
    }
}
