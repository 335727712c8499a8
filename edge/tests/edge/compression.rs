//! gzip for those who accept it.

use std::io::Write as _;
use std::sync::Mutex;

use bytes::Bytes;
use flate2::write::GzDecoder;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::client::Client;
use crate::stage::{PATIENCE, Stage};
use crate::upstream::{ok, trailers};

const GZIP: (&str, &str) = ("accept-encoding", "br, gzip;q=0.8");

/// A stage whose books have titles of this length.
async fn stage(title_bytes: usize) -> Stage {
    let title = "a title ".repeat(title_bytes / 8);
    Stage::with(move |call| call.ok(json!({"title": title})).with("etag", "\"1\"")).await
}

async fn bytes(client: &Client, method: &str, headers: &[(&str, &str)]) -> (http::HeaderMap, Bytes) {
    let response = client.open(method, "/v1/books/a", headers, Bytes::new()).await;
    let (head, body) = response.into_parts();
    (head.headers, body.collect().await.unwrap().to_bytes())
}

fn unzip(data: &[u8]) -> Vec<u8> {
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(data).unwrap();
    decoder.finish().unwrap()
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_those_who_accept_it() {
    for size in [2_000, 1_000_000] {
        let stage = stage(size).await;
        let (plain_headers, plain) = bytes(&stage.client, "GET", &[]).await;
        assert!(!plain_headers.contains_key("content-encoding"));
        assert_eq!(plain_headers["etag"], "\"1\"");
        assert_eq!(plain_headers["vary"], "accept-encoding");
        let (headers, body) = bytes(&stage.client, "GET", &[GZIP]).await;
        assert_eq!(headers["content-encoding"], "gzip");
        assert_eq!(headers["content-length"], body.len().to_string().as_str());
        assert_eq!(
            (&headers["etag"], &headers["vary"]),
            (&"W/\"1\"".parse().unwrap(), &plain_headers["vary"])
        );
        assert!(body.len() * 2 < plain.len());
        assert!(unzip(&body) == plain);
        let (head, empty) = bytes(&stage.client, "HEAD", &[GZIP]).await;
        assert_eq!(head["content-length"], headers["content-length"]);
        assert!(empty.is_empty());
    }
}

#[tokio::test]
async fn a_small_answer_stays_as_it_is() {
    let stage = stage(80).await;
    let (headers, body) = bytes(&stage.client, "GET", &[GZIP]).await;
    assert!(!headers.contains_key("content-encoding") && !headers.contains_key("vary"));
    assert_eq!(headers["etag"], "\"1\"");
    let book: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(book["title"].as_str().unwrap().len(), 80);
}

#[tokio::test]
async fn a_known_answer_is_304_with_the_tag_that_the_caller_has() {
    let stage = stage(2_000).await;
    for (headers, tag) in [
        (&[("if-none-match", "W/\"1\""), GZIP][..], "W/\"1\""),
        (&[("if-none-match", "\"1\""), GZIP], "\"1\""),
        (&[("if-none-match", "W/\"1\"")], "\"1\""),
    ] {
        let answer = stage.client.get("/v1/books/a", headers).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (304, ""));
        assert_eq!(answer.header("etag"), Some(tag), "{headers:?}");
        assert_eq!(answer.header("content-encoding"), None);
    }
}

#[tokio::test]
async fn what_must_not_be_transformed_is_not() {
    let stage = Stage::with(|call| {
        let book = json!({"title": "a title ".repeat(200)});
        call.ok(book).with("cache-control", "private, no-transform")
    })
    .await;
    let (headers, _) = bytes(&stage.client, "GET", &[GZIP]).await;
    assert!(!headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn every_message_of_a_stream_can_be_read_at_once() {
    for accept in ["text/event-stream", "application/x-ndjson", "application/json"] {
        let (sender, receiver) = mpsc::channel(1);
        let receiver = Mutex::new(Some(receiver));
        let title = "a title ".repeat(100);
        let expected = title.clone();
        let stage = Stage::with(move |call| {
            let messages = [
                json!({"book": {"title": title}}),
                json!({"book": {"revision": 7}}),
            ];
            call.stream(&messages, receiver.lock().unwrap().take().unwrap())
        })
        .await;
        let headers = [GZIP, ("accept", accept)];
        let mut response = stage
            .client
            .open("GET", "/v1/books/a:watch", &headers, Bytes::new())
            .await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
        assert_eq!(vary, ["accept", "accept-encoding"]);
        let mut decoder = GzDecoder::new(Vec::new());
        // Both messages, though the stream has not ended.
        while !String::from_utf8_lossy(decoder.get_ref()).contains("\"revision\":7}") {
            let frame = tokio::time::timeout(PATIENCE, response.frame()).await;
            let data = frame
                .expect("the stream is silent")
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap();
            decoder.write_all(&data).unwrap();
            decoder.flush().unwrap();
        }
        assert!(String::from_utf8_lossy(decoder.get_ref()).contains(&expected));
        sender.send(trailers(&[("grpc-status", "14")])).await.unwrap();
        decoder
            .write_all(&response.collect().await.unwrap().to_bytes())
            .unwrap();
        let text = String::from_utf8(decoder.finish().unwrap()).unwrap();
        assert!(text.contains("UNAVAILABLE"), "{text}");
    }
}

#[tokio::test]
async fn grpc_and_raw_bytes_are_never_compressed() {
    let large = "x".repeat(5_000);
    let stage = Stage::with(move |call| {
        let message = match call.path.ends_with("Echo") {
            true => json!({"contentType": "text/plain", "data": "eHh4".repeat(1_000)}),
            false => json!({"title": large}),
        };
        let frame = call.frame(message);
        crate::upstream::Reply::frames(vec![frame, ok()])
    })
    .await;
    let headers = [("content-type", "application/grpc"), ("te", "trailers"), GZIP];
    let path = "/library.v1.Library/GetBook";
    let response = Client::h2(stage.edge)
        .open("POST", path, &headers, crate::upstream::framed(b""))
        .await;
    assert!(!response.headers().contains_key("content-encoding"));
    let answer = stage.client.send("POST", "/v1/echo", &[GZIP], "x").await;
    assert_eq!(
        (answer.header("content-encoding"), answer.body.len()),
        (None, 3_000)
    );
}

#[tokio::test]
async fn documents_are_compressed_too() {
    let stage = Stage::new().await;
    for path in ["/openapi.json", "/docs"] {
        let response = stage.client.open("GET", path, &[GZIP], Bytes::new()).await;
        assert_eq!(response.headers()["content-encoding"], "gzip", "{path}");
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/"), "{tag}");
        let body = response.collect().await.unwrap().to_bytes();
        assert!(
            String::from_utf8(unzip(&body)).unwrap().contains("library"),
            "{path}"
        );
        let answer = stage.client.get(path, &[GZIP, ("if-none-match", &tag)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("etag")),
            (304, Some(tag.as_str()))
        );
    }
}
