//! More than an edge may carry at once is refused at once, in the caller's protocol; what ends makes room.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use hyper::body::Incoming;
use postern_edge::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client};
use crate::stage::{PATIENCE, Stage, config, listen};
use crate::upstream::{framed, ok};

const BOOK: &str = "/v1/books/a";
const WATCH: &str = "/v1/books/a:watch";
const OVERLOADED: (u16, &str, &str) = (503, "UNAVAILABLE", "OVERLOADED");

/// A stage whose first answers end when the test says so, and all others at once.
async fn stage(limits: Limits, held: usize) -> (Stage, Vec<mpsc::Sender<Frame<Bytes>>>) {
    let (senders, receivers): (Vec<_>, VecDeque<_>) = (0..held).map(|_| mpsc::channel(1)).unzip();
    let receivers = Mutex::new(receivers);
    let stage = Stage::with_limits(limits, move |call| match receivers.lock().unwrap().pop_front() {
        Some(receiver) => call.stream(&[json!({})], receiver),
        None => call.ok(json!({})),
    })
    .await;
    (stage, senders)
}

fn is_overloaded(answer: &Answer) -> bool {
    let (status, code, reason) = answer.error();
    (status, code.as_str(), reason.as_str()) == OVERLOADED && answer.header("retry-after") == Some("1")
}

/// Asks until that is the status.
async fn until_status(stage: &Stage, path: &str, body: Option<&str>, status: u16) -> Answer {
    let asking = async {
        loop {
            let answer = match body {
                Some(body) => stage.post(path, body).await,
                None => stage.get(path).await,
            };
            if answer.status == status {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it never came to that")
}

#[tokio::test]
async fn calls_beyond_the_limit_are_refused_in_every_protocol() {
    let limits = Limits {
        calls_max: 1,
        streams_max: 1,
        ..Limits::default()
    };
    let (mut stage, mut held) = stage(limits, 1).await;
    let client = stage.client.clone();
    let mut calls = JoinSet::new();
    calls.spawn(async move { client.get(BOOK, &[]).await });
    stage.call().await;

    assert!(is_overloaded(&stage.get(BOOK).await));
    for kind in [
        "application/grpc",
        "application/grpc-web+proto",
        "application/grpc-web-text+proto",
    ] {
        let headers = [("content-type", kind), ("te", "trailers")];
        let client = Client::h2(stage.edge);
        let body = framed(b"\x0a\x01a");
        let answer = client
            .open("POST", "/library.v1.Library/GetBook", &headers, body)
            .await;
        assert_eq!(answer.headers()["grpc-status"], "14", "{kind}");
        assert_eq!(answer.headers()["content-type"], kind);
        assert!(answer.headers().contains_key("grpc-status-details-bin"));
    }
    assert!(stage.is_quiet());
    // What takes no place, and what has others.
    assert_eq!(stage.get("/healthz").await.body, "ok");
    assert_eq!(stage.get("/v1/nothing").await.status, 404);
    assert_eq!(stage.get(WATCH).await.status, 200);

    held.pop().unwrap().send(ok()).await.unwrap();
    assert_eq!(calls.join_next().await.unwrap().unwrap().status, 200);
    assert_eq!(until_status(&stage, BOOK, None, 200).await.status, 200);
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_and_keep_no_call_out() {
    let limits = Limits {
        calls_max: 1,
        streams_max: 1,
        ..Limits::default()
    };
    let (stage, _held) = stage(limits, 1).await;
    let watch = stage.client.open("GET", WATCH, &[], Bytes::new()).await;
    assert_eq!(watch.status(), 200);
    assert!(is_overloaded(&stage.get(WATCH).await));
    let lines = [("content-type", "application/x-ndjson")];
    let import = stage.client.send("POST", "/v1/books:import", &lines, "{}").await;
    assert!(is_overloaded(&import));
    assert_eq!(stage.get(BOOK).await.status, 200);
    drop(watch);
    until_status(&stage, WATCH, None, 200).await;
}

#[tokio::test]
async fn bodies_beyond_what_all_may_hold_are_refused() {
    let limits = Limits {
        bodies_bytes_max: 100_000,
        ..Limits::default()
    };
    let (stage, _held) = stage(limits, 0).await;
    let body = json!({"requestId": "x".repeat(50_000)}).to_string();
    for (path, kind) in [
        ("/v1/books", "application/json"),
        ("/v1/books:import", "application/x-ndjson"),
    ] {
        let mut stream = TcpStream::connect(stage.edge).await.unwrap();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..length - 1]).await.unwrap();
        assert!(is_overloaded(
            &until_status(&stage, "/v1/books", Some(&body), 503).await
        ));
        assert_eq!(stage.post("/v1/books", "{}").await.status, 200);
        stream.write_all(&body.as_bytes()[length - 1..]).await.unwrap();
        let mut answer = [0; 12];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await;
        read.expect("there is no answer").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        until_status(&stage, "/v1/books", Some(&body), 200).await;
    }
}

/// A service that answers `NOT_FOUND` once it may, and tells of each call.
fn hesitant(
    gate: Arc<Semaphore>,
    calls: mpsc::UnboundedSender<()>,
) -> impl tower::Service<
    http::Request<Incoming>,
    Response = http::Response<String>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    tower::service_fn(move |_| {
        let (gate, calls) = (gate.clone(), calls.clone());
        async move {
            calls.send(()).unwrap();
            drop(gate.acquire().await);
            let mut response = http::Response::new(String::new());
            let headers = response.headers_mut();
            headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
            headers.insert("grpc-status", http::HeaderValue::from_static("5"));
            Ok(response)
        }
    })
}

#[tokio::test]
async fn messages_take_room_as_large_as_they_are_until_they_are_answered() {
    let limits = Limits {
        bodies_bytes_max: 100_000,
        ..Limits::default()
    };
    let (gate, (sender, mut arrived)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let mut servers = JoinSet::new();
    let library = hesitant(gate.clone(), sender);
    let behind = listen(&mut servers, library, CancellationToken::new()).await;
    let config = postern_edge::Config { limits, ..config() };
    let channel = postern_edge::upstream::channel(&format!("http://{behind}")).unwrap();
    let edge = config.build(channel).unwrap();
    let client = Client::new(listen(&mut servers, edge, CancellationToken::new()).await);
    let post = async |body: &str| {
        let headers = [("content-type", "application/json")];
        client.send("POST", "/v1/books", &headers, body).await
    };
    // Two bytes of JSON become eleven of a message: five such bodies would find room.
    let body = json!({"book": {"extra": {"a": vec![0; 8_000]}}}).to_string();
    assert!(body.len() < 20_000);
    let (first, ()) = tokio::join!(post(&body), async {
        arrived.recv().await.unwrap();
        assert!(is_overloaded(&post(&body).await));
        gate.add_permits(1);
    });
    assert_eq!(
        (first.status.as_u16(), post(&body).await.status.as_u16()),
        (404, 404)
    );
}

#[tokio::test]
async fn a_reload_takes_the_places_along() {
    let limits = Limits {
        calls_max: 0,
        ..Limits::default()
    };
    let config = postern_edge::Config { limits, ..config() };
    let edge = config.build(tonic::service::Routes::default()).unwrap();
    edge.reload(crate::stage::descriptor_set(), None).unwrap();
    let mut servers = JoinSet::new();
    let address = listen(&mut servers, edge, Default::default()).await;
    let answer = tokio::time::timeout(Duration::from_secs(1), Client::new(address).get(BOOK, &[])).await;
    assert!(is_overloaded(&answer.unwrap()));
}
