//! Several connections, and several servers behind.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::BodyExt as _;
use postern_edge::{ServeConfig, serve, upstream};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::client::Client;
use crate::connections::request;
use crate::stage::{edge_before, library};

/// A server that takes so many streams on a connection, counts its calls, and ends none but the unary ones.
async fn endless(servers: &mut JoinSet<()>, streams_max: u32) -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            let message = http_body::Frame::data(crate::upstream::framed(b""));
            let end = request
                .uri()
                .path()
                .ends_with("/GetBook")
                .then(crate::upstream::ok);
            let rest = match end {
                Some(end) => stream::iter([end]).boxed(),
                None => stream::pending().boxed(),
            };
            let stream = stream::iter([message]).chain(rest).map(Ok::<_, Infallible>);
            let mut response = http::Response::new(http_body_util::StreamBody::new(stream));
            response
                .headers_mut()
                .insert("content-type", http::HeaderValue::from_static("application/grpc"));
            Ok::<_, Infallible>(response)
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = ServeConfig {
        streams_max,
        ..ServeConfig::default()
    };
    servers.spawn(serve(listener, service, config, CancellationToken::new()));
    (format!("http://{address}"), calls)
}

/// Opens watches and waits for the first message of each.
async fn watch(client: &Client, count: usize) -> Vec<http::Response<hyper::body::Incoming>> {
    let mut open = Vec::new();
    for _ in 0..count {
        let lines = [("accept", "application/x-ndjson")];
        let mut response = client
            .open("GET", "/v1/books/a:watch", &lines, Bytes::new())
            .await;
        let frame = tokio::time::timeout(crate::stage::PATIENCE, response.frame()).await;
        assert!(frame.expect("the watch is silent").unwrap().unwrap().is_data());
        open.push(response);
    }
    open
}

#[tokio::test]
async fn more_streams_than_one_connection_takes_go_over_another() {
    let mut servers = JoinSet::new();
    let (behind, calls) = endless(&mut servers, 100).await;
    let client = Client::new(edge_before(&mut servers, &behind).await);
    let open = watch(&client, 250).await;
    assert_eq!((open.len(), calls.load(Ordering::Relaxed)), (250, 250));
}

#[tokio::test]
async fn thousands_of_idle_streams_keep_no_call_out() {
    let mut servers = JoinSet::new();
    let (behind, calls) = endless(&mut servers, 200).await;
    let channel = upstream::channel(&behind).unwrap();
    let call = |method| channel.clone().oneshot(request(method));
    let watches = stream::iter(0..6_600).map(|_| call("WatchBook"));
    let open: Vec<_> = watches.buffer_unordered(100).try_collect().await.unwrap();
    assert_eq!((open.len(), calls.load(Ordering::Relaxed)), (6_600, 6_600));
    let answer = call("GetBook").await.unwrap().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn calls_are_spread_over_the_servers_by_what_they_have() {
    let mut servers = JoinSet::new();
    let (one, calls_of_one) = endless(&mut servers, 100).await;
    let (two, calls_of_two) = endless(&mut servers, 100).await;
    let client = Client::new(edge_before(&mut servers, &format!("{one},{two}")).await);
    let open = watch(&client, 20).await;
    assert_eq!(open.len(), 20);
    assert_eq!(
        (
            calls_of_one.load(Ordering::Relaxed),
            calls_of_two.load(Ordering::Relaxed)
        ),
        (10, 10)
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_no_calls() {
    let mut servers = JoinSet::new();
    let (alive, _calls) = endless(&mut servers, 100).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = Client::new(edge_before(&mut servers, &format!("{dead},{alive}")).await);
    let mut refused = 0;
    for _ in 0..10 {
        let response = client.open("GET", "/v1/books/a:watch", &[], Bytes::new()).await;
        refused += usize::from(response.status() == 503);
    }
    assert_eq!(refused, 0, "a call that was never sent can go to another server");
}

/// Reads a connection until a request has arrived.
pub(crate) async fn half_read(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await.unwrap();
    read_headers(&mut socket).await;
    socket
}

/// Reads until the headers of a request, and as far as their end.
pub(crate) async fn read_headers(socket: &mut TcpStream) -> Vec<u8> {
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        socket.read_exact(&mut payload).await.unwrap();
        // HEADERS (RFC 9113, section 6.2).
        if head[3] == 1 {
            return payload;
        }
    }
}

#[tokio::test]
async fn a_call_that_breaks_off_is_made_once_more_if_its_method_says_that_it_may() {
    for (method, path, breaks, status) in [
        ("GET", "/v1/books/a", 0, 200),
        ("GET", "/v1/books/a", 1, 200),
        ("GET", "/v1/books/a", 2, 503),
        ("PUT", "/v1/books/a", 0, 200),
        ("PUT", "/v1/books/a", 1, 503),
    ] {
        let mut servers = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = format!("http://{}", listener.local_addr().unwrap());
        let (calls, _received) = tokio::sync::mpsc::unbounded_channel();
        let library = library(Arc::new(|call| call.ok(serde_json::json!({}))), calls);
        servers.spawn(async move {
            for _ in 0..breaks {
                drop(half_read(&listener).await);
            }
            serve(
                listener,
                library,
                ServeConfig::default(),
                CancellationToken::new(),
            )
            .await;
        });
        let client = Client::new(edge_before(&mut servers, &behind).await);
        let answer = client.send(method, path, &[], "").await;
        assert_eq!(answer.status, status, "{method} after {breaks}");
        let broke_off = status == 503;
        assert_eq!(answer.header("retry-after").is_some(), broke_off, "{method}");
        assert_eq!(answer.body.contains("not known"), broke_off, "{method}");
    }
}
