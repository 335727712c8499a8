//! Connections: their limits, early answers, and their end.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use postern_edge::{ServeConfig, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stage::{PATIENCE, Stage, config, edge_before, listen};

/// How a connection of HTTP/2 begins.
pub(crate) const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Without settings.
pub(crate) const H2_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// GET, of a stream whose headers are to be continued.
pub(crate) const H2_OPEN_HEADERS: &[u8] = &[0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82];

/// Reads until the peer closes.
pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text))
        .await
        .expect("the connection stays open")
        .unwrap();
    String::from_utf8(text).unwrap()
}

/// Reads until the text is there.
pub(crate) async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let size = tokio::time::timeout(PATIENCE, stream.read_buf(&mut read))
            .await
            .expect("the connection is silent");
        assert_ne!(
            size.unwrap(),
            0,
            "closed after {}",
            String::from_utf8_lossy(&read)
        );
    }
    String::from_utf8(read).unwrap()
}

async fn bare(config: ServeConfig) -> (std::net::SocketAddr, JoinSet<()>, CancellationToken) {
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        Ok::<_, Infallible>(http::Response::new(String::from("here")))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let mut servers = JoinSet::new();
    servers.spawn(serve(listener, service, config, shutdown.clone()));
    (address, servers, shutdown)
}

#[tokio::test]
async fn an_early_answer_reads_the_rest_of_its_request() {
    let stage = Stage::new().await;
    for (path, kind, size, status) in [
        ("/v1/nothing", "application/json", 4 << 20, "404"),
        ("/v1/books", "text/plain", 1 << 20, "415"),
        ("/v1/books", "application/json", 4 << 20, "413"),
        (
            "/library.v1.Library/GetBook",
            "application/grpc-web+json",
            4 << 20,
            "415",
        ),
    ] {
        let mut stream = TcpStream::connect(stage.edge).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The answer is there before the body is; the body can be written all the same.
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        stream.write_all(&vec![b'x'; size]).await.unwrap();
        read_until(&mut stream, "}}").await;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        read_until(&mut stream, "ok").await;
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_read_a_grpc_web_request_leaves_the_connection_alive() {
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        let mut response = http::Response::new(http_body_util::Empty::<Bytes>::new());
        let headers = response.headers_mut();
        headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", http::HeaderValue::from_static("16"));
        Ok::<_, Infallible>(response)
    });
    let mut servers = JoinSet::new();
    let behind = listen(&mut servers, service, CancellationToken::new()).await;
    let edge = edge_before(&mut servers, &format!("http://{behind}")).await;
    let mut stream = TcpStream::connect(edge).await.unwrap();
    let size = 4 << 20;
    let path = "/library.v1.Library/GetBook";
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web+proto\r\ncontent-length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.contains("grpc-status: 16"), "{answer}");
    stream.write_all(&vec![0; size]).await.unwrap();
    read_until(&mut stream, "0\r\n\r\n").await;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "ok").await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_its_answer_at_once() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.edge).await.unwrap();
    let head = "POST /v1/nothing HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(1), read_all(&mut stream))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let limits = postern_edge::Limits {
        body_timeout: Duration::from_millis(50),
        ..Default::default()
    };
    let stage = Stage::with_limits(limits, |call| call.ok(json!({}))).await;
    for path in ["/v1/books", "/v1/watches", "/v1/books/a:lock"] {
        let method = if path.ends_with("lock") { "LOCK" } else { "POST" };
        let mut stream = TcpStream::connect(stage.edge).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 504 ") && answer.contains("DEADLINE_EXCEEDED"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_request_whose_end_is_doubtful_is_none_and_hides_no_other() {
    let stage = Stage::new().await;
    for framing in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
        "content-length: 4\r\ncontent-length: 5",
        "content-length: 4, 5",
        "content-length: +4",
        "content-length: 0x4",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: foo, chunked",
        "transfer-encoding : chunked",
        " transfer-encoding: chunked",
    ] {
        let head = format!(
            "POST /v1/books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}\r\n\r\n\
             0\r\n\r\nGET /v1/books/smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
        );
        for is_first in [true, false] {
            let mut stream = TcpStream::connect(stage.edge).await.unwrap();
            if !is_first {
                let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
                stream.write_all(request).await.unwrap();
                read_until(&mut stream, "ok").await;
            }
            stream.write_all(head.as_bytes()).await.unwrap();
            let answer = read_all(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_request_has_one_good_host() {
    let stage = Stage::new().await;
    let get = "GET /v1/books/a HTTP/1.1\r\nhost: x\r\n\r\n";
    for head in [
        "GET /v1/books/a HTTP/1.1\r\n\r\n",
        "GET /v1/books/a HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n",
        "GET /v1/books/a HTTP/1.1\r\nhost: a b/c\r\n\r\n",
        "GET /v1/books/a HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n",
    ] {
        // Behind another one and before its answer, too.
        for before in ["", get] {
            let mut stream = TcpStream::connect(stage.edge).await.unwrap();
            stream
                .write_all([before, head, get].concat().as_bytes())
                .await
                .unwrap();
            let answers = read_all(&mut stream).await;
            assert!(answers.contains(" 400 Bad Request\r\n"), "{head}: {answers}");
            let expected = 1 + usize::from(!before.is_empty());
            assert_eq!(answers.matches("HTTP/1.").count(), expected, "{head}: {answers}");
        }
    }
    for head in [
        "GET /v1/books/a HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n",
        "GET /v1/books/a HTTP/1.0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(stage.edge).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.contains(" 200 OK\r\n"), "{head}: {answer}");
    }
}

#[tokio::test]
async fn nothing_is_read_behind_a_request_whose_end_is_doubtful() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.edge).await.unwrap();
    let (get, end) = ("GET /v1/books/a HTTP/1.1\r\nhost: x\r\n\r\n", "0\r\n\r\n");
    let post = "POST /v1/books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n";
    let requests = [get, post, end, get].concat();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let answers = read_all(&mut stream).await;
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
}

#[tokio::test]
async fn an_idle_server_ends_at_once_with_connections_open() {
    let mut stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.edge).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "ok").await;
    let silent = TcpStream::connect(stage.edge).await.unwrap();
    let multiplexed = crate::client::Client::h2(stage.edge);
    assert_eq!(multiplexed.get("/healthz", &[]).await.body, "ok");
    stage.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(1), stage.servers.join_next()).await;
    ended.expect("the edge still serves").unwrap().unwrap();
    assert_eq!(read_all(&mut stream).await, "");
    assert!(TcpStream::connect(stage.edge).await.is_err());
    drop(silent);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| {
        std::future::pending::<Result<http::Response<String>, Infallible>>()
    });
    let config = ServeConfig {
        drain_timeout: Duration::from_millis(50),
        ..ServeConfig::default()
    };
    let shutdown = CancellationToken::new();
    let mut servers = JoinSet::new();
    servers.spawn(serve(listener, service, config, shutdown.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    shutdown.cancel();
    tokio::time::timeout(PATIENCE, servers.join_next())
        .await
        .expect("it waits for ever");
}

#[tokio::test]
async fn a_connection_that_brings_no_request_is_closed() {
    let config = ServeConfig {
        idle_timeout: Duration::from_millis(50),
        ..ServeConfig::default()
    };
    let (address, _servers, _shutdown) = bare(config).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    read_all(&mut stream).await;
}

#[tokio::test]
async fn a_head_that_has_begun_must_end_in_time() {
    let config = ServeConfig {
        head_timeout: Duration::from_millis(50),
        ..ServeConfig::default()
    };
    let (address, _servers, _shutdown) = bare(config).await;
    let begins = [
        b"P".to_vec(),
        b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ".to_vec(),
        H2_PREFACE[..20].to_vec(),
        H2_PREFACE.to_vec(),
        [H2_PREFACE, H2_SETTINGS, &H2_OPEN_HEADERS[..5]].concat(),
        [H2_PREFACE, H2_SETTINGS, H2_OPEN_HEADERS].concat(),
    ];
    for begin in begins {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&begin).await.unwrap();
        let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        // Closed or reset, if only it is in time.
        assert!(closed.is_ok(), "{}", String::from_utf8_lossy(&begin));
    }
}

#[tokio::test]
async fn neither_a_body_nor_a_pause_nor_an_empty_line_between_requests_is_a_head() {
    let pause = Duration::from_millis(200);
    let config = ServeConfig {
        head_timeout: pause / 4,
        ..ServeConfig::default()
    };
    let service = tower::service_fn(|request: http::Request<hyper::body::Incoming>| async {
        let body = http_body_util::BodyExt::collect(request.into_body()).await;
        let bytes = body.unwrap().to_bytes();
        Ok::<_, Infallible>(http::Response::new(http_body_util::Full::new(bytes)))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut servers = JoinSet::new();
    servers.spawn(serve(listener, service, config, CancellationToken::new()));
    let multiplexed = crate::client::Client::h2(address);
    let mut stream = TcpStream::connect(address).await.unwrap();
    for body in ["first", "second"] {
        assert_eq!(multiplexed.send("POST", "/", &[], body).await.body, body);
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        is_silent(&mut stream, pause).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        read_until(&mut stream, body).await;
        is_silent(&mut stream, pause).await;
        // Of clients that end a body so (RFC 9112, section 2.2).
        stream.write_all(b"\r\n").await.unwrap();
        is_silent(&mut stream, pause).await;
    }
}

/// Neither says anything nor closes.
async fn is_silent(stream: &mut TcpStream, pause: Duration) {
    let read = tokio::time::timeout(pause, stream.read_u8()).await;
    assert!(read.is_err(), "{read:?}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let config = ServeConfig {
        connections_max: 1,
        ..ServeConfig::default()
    };
    let (address, _servers, _shutdown) = bare(config).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(request).await.unwrap();
    read_until(&mut first, "here").await;
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(request).await.unwrap();
    let mut byte = [0];
    assert!(
        tokio::time::timeout(Duration::from_millis(100), second.read(&mut byte))
            .await
            .is_err()
    );
    drop(first);
    read_until(&mut second, "here").await;
}

#[tokio::test]
async fn an_edge_stands_in_an_axum_router_and_serves_routes_of_the_same_process() {
    let routes = tonic::service::Routes::default();
    let edge = config().build(routes).unwrap();
    let router = axum::Router::new()
        .route("/own", axum::routing::get(|| async { "own" }))
        .fallback_service(edge);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = crate::client::Client::new(listener.local_addr().unwrap());
    let mut servers = JoinSet::new();
    servers.spawn(serve(
        listener,
        router,
        ServeConfig::default(),
        CancellationToken::new(),
    ));
    assert_eq!(client.get("/own", &[]).await.body, "own");
    // No service is there: tonic's routes say so themselves.
    assert_eq!(
        client.get("/v1/books/a", &[]).await.error(),
        (501, "UNIMPLEMENTED".into(), String::new())
    );
    let head = client.open("GET", "/v1/nothing", &[], Bytes::new()).await;
    assert_eq!(head.status(), 404);
}
