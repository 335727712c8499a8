//! How long a call may take, as callers of each protocol say it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use postern_edge::{Limits, ServeConfig, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::pool::half_read;
use crate::stage::{PATIENCE, Stage, edge_before, library};
use crate::upstream::{Call, Reply, framed};

/// Answers with these messages, and then with nothing for ever.
fn stalling(messages: usize) -> impl Fn(&Call) -> Reply + Send + Sync + 'static {
    let senders = Mutex::new(Vec::new());
    move |call| {
        let (sender, receiver) = mpsc::channel(1);
        senders.lock().unwrap().push(sender);
        call.stream(&vec![json!({}); messages], receiver)
    }
}

async fn told(stage: &mut Stage) -> Duration {
    told_by(&stage.call().await)
}

fn told_by(call: &Call) -> Duration {
    let text = call.metadata["grpc-timeout"].to_str().unwrap();
    Duration::from_millis(text.strip_suffix('m').unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_rest_caller_says_seconds_and_the_upstream_is_told() {
    let mut stage = Stage::new().await;
    for (given, range) in [
        ("2.5", Duration::from_secs(2)..=Duration::from_millis(2_500)),
        // More than the edge allows is cut to that.
        ("3600", Duration::from_secs(59)..=Duration::from_secs(60)),
    ] {
        let answer = stage
            .client
            .get("/v1/books/a", &[("x-server-timeout", given)])
            .await;
        assert_eq!(answer.status, 200);
        let told = told(&mut stage).await;
        assert!(range.contains(&told), "{told:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_made_once_more_is_told_what_is_left() {
    let pause = Duration::from_millis(100);
    let mut servers = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut calls) = mpsc::unbounded_channel();
    let library = library(Arc::new(|call| call.ok(json!({}))), sender);
    servers.spawn(async move {
        let socket = half_read(&listener).await;
        tokio::time::sleep(pause).await;
        drop(socket);
        serve(
            listener,
            library,
            ServeConfig::default(),
            CancellationToken::new(),
        )
        .await;
    });
    let client = Client::new(edge_before(&mut servers, &behind).await);
    let answer = client.get("/v1/books/a", &[("x-server-timeout", "5")]).await;
    assert_eq!(answer.status, 200);
    let told = told_by(&calls.recv().await.unwrap());
    assert!(told <= Duration::from_secs(5) - pause, "{told:?}");
}

#[tokio::test]
async fn a_time_that_is_none_is_400() {
    let mut stage = Stage::new().await;
    for given in ["0", "-1", "soon", "5s", ""] {
        let answer = stage
            .client
            .get("/v1/books/a", &[("x-server-timeout", given)])
            .await;
        assert_eq!(
            answer.error(),
            (400, "INVALID_ARGUMENT".into(), "INVALID_REQUEST".into()),
            "{given}"
        );
    }
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_deadline_that_the_upstream_misses_is_504() {
    for path in ["/v1/books/a", "/v1/downloads/a"] {
        let stage = Stage::with(stalling(0)).await;
        let begin = Instant::now();
        let answer = stage.client.get(path, &[("x-server-timeout", "0.2")]).await;
        assert_eq!(
            answer.error(),
            (504, "DEADLINE_EXCEEDED".into(), "DEADLINE_EXCEEDED".into())
        );
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_download_without_a_beginning_has_the_longest_time_of_a_call() {
    let limits = Limits {
        unary_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let stage = Stage::with_limits(limits, stalling(0)).await;
    assert_eq!(stage.get("/v1/downloads/a").await.status, 504);
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline_in_its_own_form() {
    let mut stage = Stage::with(stalling(1)).await;
    let headers = [("accept", "application/x-ndjson"), ("x-server-timeout", "0.3")];
    let answer = stage.client.get("/v1/books/a:watch", &headers).await;
    assert_eq!(answer.status, 200);
    let last: serde_json::Value = serde_json::from_str(answer.body.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["status"], "DEADLINE_EXCEEDED");
    assert!(told(&mut stage).await <= Duration::from_millis(300));
    // Raw bytes have no form for it, and break off.
    let headers = [("x-server-timeout", "0.3")];
    let response = stage
        .client
        .open("GET", "/v1/downloads/a", &headers, Bytes::new())
        .await;
    assert_eq!(response.status(), 200);
    let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
    assert!(body.unwrap().is_err());
}

#[tokio::test]
async fn a_stream_has_no_deadline_of_the_edge() {
    let mut stage =
        Stage::with(|call| Reply::frames(vec![call.frame(json!({})), crate::upstream::ok()])).await;
    assert_eq!(stage.get("/v1/books/a:watch").await.status, 200);
    assert!(!stage.call().await.metadata.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn a_deadline_that_the_upstream_misses_is_a_status_of_grpc_and_of_grpc_web() {
    for method in ["GetBook", "WatchBook"] {
        let stage = Stage::with(stalling(1)).await;
        let path = format!("/library.v1.Library/{method}");
        let headers = [
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", "200m"),
        ];
        let client = Client::h2(stage.edge);
        let response = client.open("POST", &path, &headers, framed(b"")).await;
        let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
        let body = body.expect("the call has no end").unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "4");
        assert_eq!(body.to_bytes(), framed(b""));
        let headers = [("content-type", "application/grpc-web"), ("grpc-timeout", "200m")];
        let response = stage.client.open("POST", &path, &headers, framed(b"")).await;
        let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
        let body = body.expect("the call has no end").unwrap().to_bytes();
        assert!(
            String::from_utf8_lossy(&body).contains("grpc-status:4\r\n"),
            "{body:?}"
        );
    }
}
