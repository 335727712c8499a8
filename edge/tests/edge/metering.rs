//! What an edge counts, of requests in every protocol.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use postern_edge::Meters;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::stage::{PATIENCE, Stage};
use crate::upstream::{Call, Reply, framed, trailers};

const GET_BOOK: &str = "/library.v1.Library/GetBook";

/// What has been counted.
fn text(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text
}

/// Waits until these samples are there: a request has ended a little after its caller has read the answer.
async fn until(registry: &Registry, samples: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = text(registry);
        if samples
            .iter()
            .all(|sample| text.lines().any(|line| line == *sample))
        {
            return;
        }
        assert!(Instant::now() < deadline, "{samples:#?} in {text}");
        sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn ended(method: &str, protocol: &str, status: &str, count: u32) -> String {
    format!(
        "postern_edge_requests_total{{method=\"{method}\",protocol=\"{protocol}\",status=\"{status}\"}} {count}"
    )
}

/// A message, and then that there is no such book; or the book `a`.
fn answer(call: &Call) -> Reply {
    match call.message["name"] == "a" {
        true => call.ok(json!({"name": "a"})),
        false => Reply::frames(vec![
            call.frame(json!({})),
            trailers(&[("grpc-status", "5"), ("grpc-message", "gone")]),
        ]),
    }
}

#[tokio::test]
async fn requests_are_counted_by_method_protocol_and_the_class_of_their_status() {
    let mut registry = Registry::default();
    let stage = Stage::with_meters(Meters::register(&mut registry), answer).await;
    stage.get("/v1/books/a").await;
    stage.get("/v1/books/b").await;
    stage.get("/v1/nothing/there").await;
    stage.get("/healthz").await;
    let grpc = Client::h2(stage.edge);
    for name in [b"\x0a\x01a", b"\x0a\x01b"] {
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        let response = grpc.open("POST", GET_BOOK, &headers, framed(name)).await;
        response.into_body().collect().await.unwrap();
    }
    let web = [("content-type", "application/grpc-web+proto")];
    let response = stage
        .client
        .open("POST", GET_BOOK, &web, framed(b"\x0a\x01a"))
        .await;
    response.into_body().collect().await.unwrap();
    let book = "library.v1.Library/GetBook";
    let samples = [
        ended(book, "rest", "2xx", 1),
        ended(book, "rest", "4xx", 1),
        ended("none", "rest", "4xx", 1),
        ended("none", "rest", "2xx", 1),
        ended(book, "grpc", "2xx", 1),
        ended(book, "grpc", "4xx", 1),
        ended(book, "grpc-web", "2xx", 1),
        format!("postern_edge_duration_seconds_count{{method=\"{book}\"}} 5"),
        "postern_edge_in_flight{protocol=\"rest\"} 0".to_owned(),
        "postern_edge_in_flight{protocol=\"grpc\"} 0".to_owned(),
        "postern_edge_retries_total 0".to_owned(),
    ];
    until(&registry, &samples.each_ref().map(String::as_str)).await;
    assert!(!text(&registry).contains("nothing"));
}

#[tokio::test]
async fn a_stream_is_open_until_it_ends() {
    let mut registry = Registry::default();
    let (messages, rest) = mpsc::channel(1);
    let rest = std::sync::Mutex::new(Some(rest));
    let watch = move |call: &Call| {
        let rest = rest.lock().unwrap().take().unwrap();
        call.stream(&[json!({})], rest)
    };
    let stage = Stage::with_meters(Meters::register(&mut registry), watch).await;
    let events = [("accept", "text/event-stream")];
    let response = stage
        .client
        .open("GET", "/v1/books/a:watch", &events, Bytes::new())
        .await;
    until(&registry, &["postern_edge_in_flight{protocol=\"rest\"} 1"]).await;
    drop(messages);
    response.into_body().collect().await.unwrap();
    until(&registry, &["postern_edge_in_flight{protocol=\"rest\"} 0"]).await;
}
