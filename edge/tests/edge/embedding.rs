//! The example runs: an edge in front of routes in its own process.

#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is a program of its own, whose `main` is for people"
)]
#[path = "../../examples/embed.rs"]
mod embed;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::Client;

#[tokio::test]
async fn the_example_serves_its_own_routes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let exchange = async {
        let answer = client.get("/v1/jobTypes", &[]).await;
        assert_eq!(answer.json()["jobTypes"][0]["name"], "embedded");
        assert_eq!(client.get("/v1/jobTypes/other", &[]).await.status, 404);
        // No service is behind this one.
        assert_eq!(client.get("/v1/jobs", &[]).await.status, 501);
        shutdown.cancel();
    };
    let (served, ()) = tokio::join!(embed::run(listener, shutdown.clone()), exchange);
    served.unwrap();
}
