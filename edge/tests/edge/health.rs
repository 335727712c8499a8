//! Servers that say of themselves that they do not serve.

use std::sync::Arc;
use std::time::Duration;

use postern_edge::upstream;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_health::ServingStatus::{NotServing, Serving, Unknown};
use tonic_health::server::HealthReporter;
use tower::ServiceExt as _;

use crate::client::Client;
use crate::stage::{PATIENCE, config, library, listen};
use crate::upstream::Call;

/// A library with a health service.
struct Server {
    address: String,
    reporter: HealthReporter,
    calls: UnboundedReceiver<Call>,
}

impl Server {
    async fn start(servers: &mut JoinSet<()>) -> Self {
        let (reporter, health) = tonic_health::server::health_reporter();
        let health = Routes::new(health).prepare();
        let (sender, calls) = unbounded_channel();
        let library = library(Arc::new(|call: &Call| call.ok(json!({}))), sender);
        let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let (health, library) = (health.clone(), library.clone());
            async move {
                match request.uri().path().starts_with("/grpc.health.v1.") {
                    true => health.oneshot(request.map(Body::new)).await,
                    false => library
                        .oneshot(request)
                        .await
                        .map(|response| response.map(Body::new)),
                }
            }
        });
        let address = listen(servers, service, CancellationToken::new()).await;
        Self {
            address: format!("http://{address}"),
            reporter,
            calls,
        }
    }

    /// How many calls have come since it was asked last.
    fn count(&mut self) -> usize {
        std::iter::from_fn(|| self.calls.try_recv().ok()).count()
    }
}

/// An edge that asks its servers all the time.
async fn edge(servers: &mut JoinSet<()>, behind: [&Server; 2]) -> Client {
    let channels = upstream::channel(&behind.map(|server| server.address.as_str()).join(",")).unwrap();
    let checks = channels.checks().every(Duration::from_millis(5));
    servers.spawn(checks.run(CancellationToken::new()));
    let edge = config().build(channels).unwrap();
    Client::new(listen(servers, edge, CancellationToken::new()).await)
}

/// Calls until this is how many of four reach each of two servers.
async fn spread(client: &Client, one: &mut Server, two: &mut Server, expected: (usize, usize)) {
    let reached = async {
        loop {
            for _ in 0..4 {
                assert_eq!(client.get("/v1/books/a", &[]).await.status, 200);
            }
            if (one.count(), two.count()) == expected {
                return;
            }
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    assert!(reached.is_ok(), "never {expected:?}");
}

#[tokio::test]
async fn a_server_that_does_not_serve_gets_no_calls_until_it_does_again() {
    let mut servers = JoinSet::new();
    let mut one = Server::start(&mut servers).await;
    let mut two = Server::start(&mut servers).await;
    let client = edge(&mut servers, [&one, &two]).await;
    spread(&client, &mut one, &mut two, (2, 2)).await;
    one.reporter.set_service_status("", NotServing).await;
    spread(&client, &mut one, &mut two, (0, 4)).await;
    one.reporter.set_service_status("", Serving).await;
    spread(&client, &mut one, &mut two, (2, 2)).await;
}

#[tokio::test]
async fn a_server_that_stays_silent_about_itself_gets_no_calls_until_it_speaks() {
    let mut servers = JoinSet::new();
    let mut one = Server::start(&mut servers).await;
    let mut two = Server::start(&mut servers).await;
    let client = edge(&mut servers, [&one, &two]).await;
    one.reporter.set_service_status("", Unknown).await;
    spread(&client, &mut one, &mut two, (0, 4)).await;
    one.reporter.set_service_status("", Serving).await;
    spread(&client, &mut one, &mut two, (2, 2)).await;
}

#[tokio::test]
async fn servers_get_calls_when_none_of_them_serves() {
    let mut servers = JoinSet::new();
    let mut one = Server::start(&mut servers).await;
    let mut two = Server::start(&mut servers).await;
    let client = edge(&mut servers, [&one, &two]).await;
    one.reporter.set_service_status("", NotServing).await;
    spread(&client, &mut one, &mut two, (0, 4)).await;
    two.reporter.set_service_status("", NotServing).await;
    spread(&client, &mut one, &mut two, (2, 2)).await;
}
