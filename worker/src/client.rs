//! An SQS client: of AWS, or of another endpoint. A consumer may as well bring its own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Credentials, Region};
use aws_smithy_http_client::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A receive waits for 20 s by itself.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// A client with the AWS SDK's default chain (environment, profile, container, instance) for region and credentials, TLS
/// by rustls on ring, and time limits that suit long polls.
///
/// `endpoint` is the URL of another SQS endpoint. One on a loopback address checks no credentials: there the environment
/// is asked, and without an answer they are made up, so that development needs none.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // `postern dev`, in the next terminal; `None` is AWS.
/// let client = postern_worker::sqs_client(Some("http://127.0.0.1:9324")).await;
/// assert_eq!(client.config().region().unwrap().as_ref(), "us-east-1");
/// # }
/// ```
pub async fn sqs_client(endpoint: Option<&str>) -> Client {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts);
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
        if is_loopback(endpoint) {
            loader = without_chain(loader);
        }
    }
    Client::new(&loader.load().await)
}

/// The whole chain would look for an instance's metadata over the network, for seconds, where there is none.
fn without_chain(loader: ConfigLoader) -> ConfigLoader {
    let made_up = Credentials::new("loopback", "loopback", None, None, "loopback");
    let credentials =
        CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
            .or_else("loopback", made_up);
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(Region::from_static("us-east-1"));
    loader.credentials_provider(credentials).region(region)
}

fn is_loopback(endpoint: &str) -> bool {
    let Some((_, rest)) = endpoint.split_once("://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for endpoint in [
            "http://127.0.0.1:9324",
            "http://localhost:9324/",
            "http://127.0.0.1",
            "http://[::1]:9324/x",
        ] {
            assert!(is_loopback(endpoint), "{endpoint}");
        }
        for endpoint in [
            "https://sqs.eu-central-1.amazonaws.com",
            "http://127.0.0.1.example.com:80",
            "127.0.0.1",
            "",
        ] {
            assert!(!is_loopback(endpoint), "{endpoint}");
        }
    }
}
