//! Requests that mean harm: each is refused in time, at bounded cost, and the next request is served.
//!
//! Length beside chunks, bodies and headers beyond their limits, and compressed bodies stand with what they are about: `serving`, `requests`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Answer;
use crate::serving::{H2_OPEN_HEADERS, H2_PREFACE, H2_SETTINGS};
use crate::stage::Stage;

/// No refusal may take longer, with the limits that an edge has by default.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);
/// Continues the headers of stream 1 by nothing.
const H2_EMPTY_CONTINUATION: &[u8] = &[0, 0, 0, 9, 0, 0, 0, 0, 1];
const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends one request, and then one that means well.
async fn refused(method: &str, path: &str, body: &str) -> Answer {
    let stage = Stage::new().await;
    let began = Instant::now();
    let answer = stage.client.send(method, path, &[JSON], body).await;
    assert!(began.elapsed() < REFUSED_WITHIN, "{:?}", began.elapsed());
    assert!(
        answer.body.len() < 6 * 1024,
        "an answer of {} bytes",
        answer.body.len()
    );
    assert_eq!(stage.get("/v1/books/next").await.status, 200);
    answer
}

#[tokio::test]
async fn deep_nesting_is_refused_where_the_limit_is() {
    let body = format!(
        "{{\"book\":{{\"extra\":{}{}}}}}",
        "[".repeat(500_000),
        "]".repeat(500_000)
    );
    let answer = refused("POST", "/v1/books", &body).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_hundred_thousand_query_parameters_are_refused() {
    let query: Vec<String> = (0..5_000).map(|number| format!("x{number}=1")).collect();
    let answer = refused("GET", &format!("/v1/books?{}", query.join("&")), "").await;
    assert_eq!(answer.status, 400);

    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.edge).await.unwrap();
    let query: Vec<String> = (0..100_000).map(|number| format!("x{number}=1")).collect();
    let head = format!("GET /v1/books?{} HTTP/1.1\r\nhost: x\r\n\r\n", query.join("&"));
    // The server may have answered and closed before it was all sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(REFUSED_WITHIN, stream.read_to_end(&mut answer)).await;
    assert!(
        read.is_ok() || answer.starts_with(b"HTTP/1.1 4"),
        "neither refused nor closed"
    );
    assert_eq!(stage.get("/v1/books/next").await.status, 200);
}

#[tokio::test]
async fn query_keys_nested_deeply_are_refused() {
    let key = "a.".repeat(10_000);
    let answer = refused("GET", &format!("/v1/books?{key}a=1"), "").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.edge).await.unwrap();
    let head = "POST /v1/books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"book\":";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(REFUSED_WITHIN, stream.read_exact(&mut answer)).await;
    read.expect("it was not given up").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 504");
    assert_eq!(stage.get("/v1/books/next").await.status, 200);
}

/// Begins, then sends this every second, until the edge closes.
async fn drip_until_closed(edge: SocketAddr, begin: &[u8], drop: &[u8]) {
    let mut stream = TcpStream::connect(edge).await.unwrap();
    stream.write_all(begin).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let drip = async {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        while writer.write_all(drop).await.is_ok() {
            second.tick().await;
        }
    };
    let (mut read, closed) = (Vec::new(), tokio::time::sleep(REFUSED_WITHIN));
    tokio::select! {
        _ = reader.read_to_end(&mut read) => {}
        () = drip => {}
        () = closed => unreachable!("open after {}", String::from_utf8_lossy(begin)),
    }
}

#[tokio::test]
async fn a_head_that_drips_is_given_up_in_both_versions() {
    let stage = Stage::new().await;
    let headers = [H2_PREFACE, H2_SETTINGS, H2_OPEN_HEADERS].concat();
    tokio::join!(
        drip_until_closed(stage.edge, b"GET / HTTP/1.1\r\nhost: x\r\nx: ", b"x"),
        drip_until_closed(stage.edge, b"", b"\r\n"),
        drip_until_closed(stage.edge, &H2_PREFACE[..5], &H2_PREFACE[5..6]),
        drip_until_closed(stage.edge, &headers, H2_EMPTY_CONTINUATION),
    );
    assert_eq!(stage.get("/v1/books/next").await.status, 200);
}

/// Begins a request, then sends a byte a second; how its refusal begins.
async fn drip(edge: SocketAddr, path: &str, content_type: &str) -> String {
    let mut stream = TcpStream::connect(edge).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\ncontent-length: 100\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let drip = async {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        while writer.write_all(b" ").await.is_ok() {
            second.tick().await;
        }
        std::future::pending::<()>().await;
    };
    let read = async {
        let mut answer = Vec::new();
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            assert_ne!(
                reader.read_buf(&mut answer).await.unwrap(),
                0,
                "closed without an answer"
            );
        }
        String::from_utf8(answer).unwrap()
    };
    let answer = async {
        tokio::select! {
            answer = read => answer,
            () = drip => unreachable!("it drips for ever"),
        }
    };
    tokio::time::timeout(REFUSED_WITHIN, answer)
        .await
        .expect("it was not given up")
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_in_every_protocol() {
    let stage = Stage::new().await;
    let web = "application/grpc-web+proto";
    let get_book = "/library.v1.Library/GetBook";
    let (rest, unexpected, web) = tokio::join!(
        drip(stage.edge, "/v1/books", JSON.1),
        drip(stage.edge, "/v1/anything", JSON.1),
        drip(stage.edge, get_book, web),
    );
    assert!(rest.starts_with("HTTP/1.1 504 "), "{rest}");
    // Where there must be none, the first byte is too much.
    assert!(unexpected.starts_with("HTTP/1.1 400 "), "{unexpected}");
    assert!(web.contains("grpc-status: 4\r\n"), "{web}");
    assert_eq!(stage.get("/v1/books/next").await.status, 200);
}

#[tokio::test]
async fn streams_reset_as_fast_as_they_are_opened_keep_nobody_else_waiting() {
    let stage = Stage::with(|call| call.ok(json!({}))).await;
    let tcp = TcpStream::connect(stage.edge).await.unwrap();
    let (mut client, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = tokio::spawn(connection);
    let flood = async {
        for _ in 0..20_000 {
            let Ok(ready) = client.clone().ready().await else {
                return;
            };
            client = ready;
            let request = http::Request::get(format!("http://{}/v1/books/a", stage.edge))
                .body(())
                .unwrap();
            let Ok((response, mut stream)) = client.send_request(request, true) else {
                return;
            };
            stream.send_reset(h2::Reason::CANCEL);
            drop(response);
        }
    };
    tokio::time::timeout(REFUSED_WITHIN * 4, flood)
        .await
        .expect("the flood was neither served nor cut");
    assert_eq!(stage.get("/v1/books/next").await.status, 200);
    connection.abort();
}
