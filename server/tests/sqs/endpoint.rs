//! The SQS endpoint of tests that need nothing but SQS: one in their process, or the one that is given from outside. Every test has queues of
//! its own there.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use postern_localsqs::Endpoint;
use postern_server::queue;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// An endpoint, and the queues of one test.
pub(crate) struct Sqs {
    /// For consumers, and whoever else has no server.
    pub(crate) client: Client,
    pub(crate) config: queue::Config,
    _folder: tempfile::TempDir,
}

impl Sqs {
    /// An endpoint whose queues are still to be made. One in this process is served among these tasks, until it is stopped.
    pub(crate) async fn start(tasks: &mut JoinSet<()>, stop: &CancellationToken) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let url = match given() {
            Some(url) => url,
            None => own(&folder, tasks, stop).await,
        };
        let test = uuid::Uuid::now_v7();
        Self {
            client: client(&url),
            config: queue::Config {
                endpoint: Some(url),
                jobs: format!("jobs-{test}"),
                results: format!("results-{test}"),
            },
            _folder: folder,
        }
    }

    pub(crate) async fn url(&self, queue: &str) -> String {
        let found = self.client.get_queue_url().queue_name(queue).send().await;
        found.unwrap().queue_url.unwrap()
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "these tests take any endpoint, and have no other way to be told"
)]
fn given() -> Option<String> {
    std::env::var("POSTERN_SQS_SUITE_ENDPOINT").ok()
}

async fn own(folder: &tempfile::TempDir, tasks: &mut JoinSet<()>, stop: &CancellationToken) -> String {
    let config = postern_localsqs::Config::new(folder.path());
    let endpoint = Endpoint::open(config).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = stop.clone();
    tasks.spawn(async move { endpoint.serve(listener, stop).await.unwrap() });
    url
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}
