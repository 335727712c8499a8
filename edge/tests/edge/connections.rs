//! One connection to a server, and what its calls do to one another.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use postern_edge::{ServeConfig, serve, upstream};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::client::Client;
use crate::pool::{half_read, read_headers};
use crate::stage::{PATIENCE, edge_before, library};
use crate::upstream::{framed, ok};

/// Frames of HTTP/2 (RFC 9113, sections 6.5 and 6.8): no settings, and no stream was processed, for no error.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const GOAWAY: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// A message larger than the windows of HTTP/2 by default.
const LARGE_BYTES: usize = 8 << 20;

/// A server that answers everything with that.
async fn large(servers: &mut JoinSet<()>) -> String {
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        let frames = [
            Ok::<_, Infallible>(http_body::Frame::data(framed(&vec![0; LARGE_BYTES]))),
            Ok(ok()),
        ];
        let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
        Ok::<_, Infallible>(http::Response::new(body))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    servers.spawn(serve(
        listener,
        service,
        ServeConfig::default(),
        CancellationToken::new(),
    ));
    format!("http://{address}")
}

pub(crate) fn request(method: &str) -> http::Request<tonic::body::Body> {
    let body = tonic::body::Body::new(http_body_util::Full::new(framed(b"")));
    let request = http::Request::post(format!("/library.v1.Library/{method}"));
    request.body(body).unwrap()
}

#[tokio::test]
async fn answers_that_nobody_reads_hold_up_no_other() {
    let mut servers = JoinSet::new();
    let channel = upstream::channel(&large(&mut servers).await).unwrap();
    let mut unread = Vec::new();
    for _ in 0..99 {
        unread.push(channel.clone().oneshot(request("GetBook")).await.unwrap());
    }
    let read = async { channel.oneshot(request("GetBook")).await.unwrap().collect().await };
    let read = tokio::time::timeout(PATIENCE, read).await;
    let read = read.expect("others hold it up").unwrap();
    assert_eq!(read.to_bytes().len(), LARGE_BYTES + 5);
}

#[tokio::test]
async fn a_connection_that_was_closed_is_replaced_without_an_error() {
    let mut servers = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::new(edge_before(&mut servers, &format!("http://{address}")).await);
    let mut listener = Some(listener);
    for _ in 0..3 {
        let (calls, _received) = tokio::sync::mpsc::unbounded_channel();
        let library = library(std::sync::Arc::new(|call| call.ok(serde_json::json!({}))), calls);
        let stop = CancellationToken::new();
        let listening = listener.take().expect("put back by the last round");
        let server = tokio::spawn(serve(listening, library, ServeConfig::default(), stop.clone()));
        // Not idempotent: it would not be made once more if it might have arrived.
        let answer = client.send("PUT", "/v1/books/a", &[], "").await;
        assert_eq!(answer.status, 200);
        stop.cancel();
        tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap();
        listener = Some(bind(address));
    }
}

/// Listens where another one did, which the system may not have let go of yet.
fn bind(address: std::net::SocketAddr) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(16).unwrap()
}

#[tokio::test]
async fn a_call_that_a_server_will_not_look_at_goes_over_another_connection() {
    let mut servers = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = format!("http://{}", listener.local_addr().unwrap());
    let (calls, _received) = tokio::sync::mpsc::unbounded_channel();
    let library = library(std::sync::Arc::new(|call| call.ok(serde_json::json!({}))), calls);
    servers.spawn(async move {
        let mut socket = half_read(&listener).await;
        socket.write_all(&[SETTINGS, GOAWAY].concat()).await.unwrap();
        let config = ServeConfig::default();
        serve(listener, library, config, CancellationToken::new()).await;
    });
    let client = Client::new(edge_before(&mut servers, &behind).await);
    let answer = client.send("PUT", "/v1/books/a", &[], "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_server_that_takes_few_streams_gets_more_connections() {
    let mut servers = JoinSet::new();
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        let first = Ok::<_, Infallible>(http_body::Frame::data(framed(b"")));
        let stream = futures::StreamExt::chain(
            futures::stream::iter([first]),
            futures::stream::pending::<Result<http_body::Frame<Bytes>, _>>(),
        );
        let body = http_body_util::StreamBody::new(stream);
        Ok::<_, Infallible>(http::Response::new(body))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = format!("http://{}", listener.local_addr().unwrap());
    let config = ServeConfig {
        streams_max: 5,
        ..ServeConfig::default()
    };
    servers.spawn(serve(listener, service, config, CancellationToken::new()));
    let channel = upstream::channel(&behind).unwrap();
    let open = async {
        let mut open = Vec::new();
        for _ in 0..20 {
            open.push(channel.clone().oneshot(request("GetBook")).await.unwrap());
        }
        open
    };
    let open = tokio::time::timeout(PATIENCE, open).await;
    assert_eq!(open.expect("a call waits for another to end").len(), 20);
}

#[tokio::test]
async fn nothing_that_a_caller_says_stays_in_the_tables_of_a_connection() {
    // Does not get shorter by Huffman's code.
    let value = "{~}|".repeat(30);
    for (path, headers) in [
        ("/v1/books/a", vec![("x-request-id", value.as_str())]),
        (
            "/library.v1.Library/GetBook",
            vec![("content-type", "application/grpc"), ("x-own", &value)],
        ),
    ] {
        let mut servers = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::h2(edge_before(&mut servers, &behind).await);
        let method = if headers.len() == 1 { "GET" } else { "POST" };
        let call = async || client.open(method, path, &headers, Bytes::new()).await;
        let sizes = async {
            let mut socket = half_read(&listener).await;
            let second = read_headers(&mut socket).await.len();
            (second, read_headers(&mut socket).await.len())
        };
        let (second, third) = tokio::select! {
            sizes = sizes => sizes,
            _ = async { tokio::join!(call(), call(), call()) } => panic!("nobody answers"),
        };
        assert!(
            second > value.len() && third == second,
            "{path}: {second}, {third}"
        );
    }
}
