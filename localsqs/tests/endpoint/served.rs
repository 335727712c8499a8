//! An endpoint in this process that a test can configure, stop and start again.

use std::time::Duration;

use aws_sdk_sqs::Client;
use postern_localsqs::{Config, Endpoint, Error};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::harness::client;

/// A served folder.
pub(crate) struct Served {
    pub(crate) authority: String,
    pub(crate) client: Client,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Served {
    pub(crate) async fn start(config: Config) -> Self {
        let endpoint = Endpoint::open(config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(endpoint.serve(listener, shutdown.clone()));
        Self {
            client: client(&authority),
            authority,
            shutdown,
            serving,
        }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        timeout(Duration::from_secs(5), self.serving)
            .await
            .expect("the endpoint ends")
            .unwrap()
            .unwrap();
    }
}

pub(crate) async fn create(client: &Client) -> String {
    client
        .create_queue()
        .queue_name("jobs")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap()
}

/// Everything in a queue, taken out of it.
pub(crate) async fn drain(client: &Client, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let request = client
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .visibility_timeout(600);
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return bodies;
        }
        bodies.extend(messages.into_iter().filter_map(|message| message.body));
    }
}

/// Gives polls that were begun before the time to find nothing and wait: ten requests that came after them.
pub(crate) async fn until_waiting(served: &Served, queue: &str) {
    for _ in 0..10 {
        tokio::task::yield_now().await;
        served
            .client
            .get_queue_attributes()
            .queue_url(queue)
            .send()
            .await
            .unwrap();
    }
}
