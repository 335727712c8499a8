//! Server streams as events, lines or an array, by what the caller accepts.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use postern_edge::Limits;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::serving::read_until;
use crate::stage::{PATIENCE, Stage};
use crate::upstream::{Reply, ok, trailers};

const WATCH: &str = "/v1/books/a:watch";
const SSE: (&str, &str) = ("accept", "text/event-stream");
const LINES: (&str, &str) = ("accept", "application/x-ndjson");
const ARRAY: (&str, &str) = ("accept", "application/json");

fn book(revision: i32) -> Value {
    json!({"book": {"revision": revision}})
}

/// The JSON of that book as it is printed.
fn printed(revision: i32) -> String {
    format!(
        r#"{{"name":"","title":"","pages":"0","genre":"GENRE_UNSPECIFIED","tags":[],"labels":{{}},"cover":"","revision":{revision}}}"#
    )
}

/// A stage whose watch sends these messages and this end.
async fn stage(messages: &'static [i32], end: Frame<Bytes>) -> Stage {
    let end = Mutex::new(Some(end));
    Stage::with(move |call| {
        let (sender, receiver) = mpsc::channel(1);
        if let Some(end) = end.lock().unwrap().take() {
            sender.try_send(end).unwrap();
        }
        let messages: Vec<_> = messages.iter().map(|revision| book(*revision)).collect();
        call.stream(&messages, receiver)
    })
    .await
}

/// A stage whose watch sends these messages, then what the test sends.
async fn live(limits: Limits, messages: &'static [i32]) -> (Stage, mpsc::Sender<Frame<Bytes>>) {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Mutex::new(Some(receiver));
    let stage = Stage::with_limits(limits, move |call| {
        let messages: Vec<_> = messages.iter().map(|revision| book(*revision)).collect();
        call.stream(&messages, receiver.lock().unwrap().take().unwrap())
    })
    .await;
    (stage, sender)
}

fn lost() -> Frame<Bytes> {
    trailers(&[("grpc-status", "14"), ("grpc-message", "gone")])
}

const LOST: &str = r#"{"error":{"code":503,"status":"UNAVAILABLE","message":"gone","details":[]}}"#;

/// The next piece of a body, None at its end.
async fn next(response: &mut Response<Incoming>) -> Option<String> {
    let frame = tokio::time::timeout(PATIENCE, response.frame())
        .await
        .expect("the stream is silent");
    frame.map(|frame| String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

/// Reads until the text is there.
async fn until(response: &mut Response<Incoming>, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        read += &next(response)
            .await
            .unwrap_or_else(|| panic!("ended after {read}"));
    }
    read
}

#[tokio::test]
async fn events_have_ids_and_end_in_done() {
    for accept in [&[SSE][..], &[("accept", "*/*")], &[]] {
        let stage = stage(&[1, 4], ok()).await;
        let answer = stage.client.get(WATCH, accept).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let expected = format!(
            "retry: 2000\n\nid: 1\ndata: {}\n\nid: 4\ndata: {}\n\nevent: done\ndata: {{}}\n\n",
            printed(1),
            printed(4)
        );
        assert_eq!(answer.body, expected);
    }
}

#[tokio::test]
async fn an_event_whose_id_is_unset_has_none() {
    let stage = Stage::with(|call| Reply::frames(vec![call.frame(json!({})), ok()])).await;
    let answer = stage.client.get(WATCH, &[SSE]).await;
    assert_eq!(
        answer.body,
        "retry: 2000\n\ndata: {}\n\nevent: done\ndata: {}\n\n"
            .replace("data: {}\n\nevent", &format!("data: {}\n\nevent", empty()))
    );
}

/// An absent `book` prints as an empty book.
fn empty() -> String {
    printed(0)
}

#[tokio::test]
async fn a_late_error_is_the_event_failed_and_keeps_its_body() {
    let stage = stage(&[1], lost()).await;
    let answer = stage.client.get(WATCH, &[SSE]).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .body
            .ends_with(&format!("\n\nevent: failed\ndata: {LOST}\n\n")),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn lines_are_objects_and_an_error_is_the_last() {
    let answer = stage(&[1, 2], ok()).await.client.get(WATCH, &[LINES]).await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.body, format!("{}\n{}\n", printed(1), printed(2)));
    let answer = stage(&[1], lost()).await.client.get(WATCH, &[LINES]).await;
    assert_eq!(answer.body, format!("{}\n{LOST}\n", printed(1)));
    let answer = stage(&[], ok()).await.client.get(WATCH, &[LINES]).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
}

#[tokio::test]
async fn an_array_is_closed_and_an_error_is_its_last_element() {
    let answer = stage(&[1, 2], ok()).await.client.get(WATCH, &[ARRAY]).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, format!("[{},{}]", printed(1), printed(2)));
    let answer = stage(&[1], lost()).await.client.get(WATCH, &[ARRAY]).await;
    assert_eq!(answer.body, format!("[{},{LOST}]", printed(1)));
    let answer = stage(&[], ok()).await.client.get(WATCH, &[ARRAY]).await;
    assert_eq!(answer.body, "[]");
}

#[tokio::test]
async fn an_error_before_the_first_message_has_its_own_status() {
    for accept in [SSE, LINES, ARRAY] {
        let answer = stage(&[], lost()).await.client.get(WATCH, &[accept]).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (503, LOST));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let stage = Stage::with(|_| Reply::error(5, "none")).await;
        assert_eq!(stage.client.get(WATCH, &[accept]).await.status, 404);
    }
}

#[tokio::test]
async fn none_of_the_three_types_is_406() {
    let mut stage = stage(&[], ok()).await;
    for accept in ["text/html", "application/xml;q=1, */*;q=0"] {
        let answer = stage.client.get(WATCH, &[("accept", accept)]).await;
        assert_eq!(
            answer.error(),
            (406, "INVALID_ARGUMENT".into(), "NOT_ACCEPTABLE".into())
        );
    }
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn the_answer_begins_before_the_first_message() {
    let (stage, sender) = live(Limits::default(), &[]).await;
    let mut response = stage.client.open("GET", WATCH, &[SSE], Bytes::new()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(next(&mut response).await.unwrap(), "retry: 2000\n\n");
    sender.send(ok()).await.unwrap();
    assert_eq!(next(&mut response).await.unwrap(), "event: done\ndata: {}\n\n");
    assert_eq!(next(&mut response).await, None);
}

#[tokio::test]
async fn silence_is_broken_by_comments_in_events_alone() {
    let limits = Limits {
        heartbeat_interval: Duration::from_millis(30),
        ..Limits::default()
    };
    let (stage, sender) = live(limits.clone(), &[]).await;
    let mut response = stage.client.open("GET", WATCH, &[SSE], Bytes::new()).await;
    until(&mut response, ":\n\n:\n\n").await;
    sender.send(ok()).await.unwrap();
    until(&mut response, "event: done").await;
    let (stage, sender) = live(limits, &[1]).await;
    let mut response = stage.client.open("GET", WATCH, &[LINES], Bytes::new()).await;
    assert_eq!(next(&mut response).await.unwrap(), format!("{}\n", printed(1)));
    let silence = tokio::time::timeout(Duration::from_millis(200), response.frame()).await;
    assert!(silence.is_err());
    drop(sender);
}

#[tokio::test]
async fn last_event_id_resumes_in_place_of_the_query() {
    let mut stage = stage(&[5], ok()).await;
    let answer = stage
        .client
        .get(&format!("{WATCH}?after=1"), &[SSE, ("last-event-id", "4")])
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(stage.call().await.message, json!({"name": "a", "after": 4}));
}

#[tokio::test]
async fn last_event_id_counts_for_events_alone() {
    let mut stage = stage(&[5], ok()).await;
    let answer = stage
        .client
        .get(&format!("{WATCH}?after=1"), &[LINES, ("last-event-id", "x")])
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(stage.call().await.message, json!({"name": "a", "after": 1}));
}

#[tokio::test]
async fn a_last_event_id_that_does_not_fit_is_400() {
    let mut stage = stage(&[], ok()).await;
    let answer = stage.client.get(WATCH, &[SSE, ("last-event-id", "x")]).await;
    let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["/after"]);
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_resume_with_nothing_to_come_is_204() {
    let answer = stage(&[], ok())
        .await
        .client
        .get(WATCH, &[SSE, ("last-event-id", "4")])
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("content-type"), None);
    // Without the header an end without messages is a stream without messages.
    let answer = stage(&[], ok())
        .await
        .client
        .get(&format!("{WATCH}?after=4"), &[SSE])
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_str()),
        (200, "retry: 2000\n\nevent: done\ndata: {}\n\n")
    );
}

#[tokio::test]
async fn a_resume_that_ends_later_is_200_and_done() {
    let (stage, sender) = live(Limits::default(), &[]).await;
    let mut response = stage
        .client
        .open("GET", WATCH, &[SSE, ("last-event-id", "4")], Bytes::new())
        .await;
    assert_eq!(response.status(), 200);
    sender.send(ok()).await.unwrap();
    until(&mut response, "event: done").await;
}

#[tokio::test]
async fn streams_honour_two_headers_alone() {
    let stage = Stage::with(|call| {
        let reply = Reply::frames(vec![call.frame(book(1)), ok()])
            .with("cache-control", "private")
            .with("etag", "\"1\"");
        reply
            .with("http-status", "202")
            .with("content-disposition", "attachment")
            .with("x-color", "red")
    })
    .await;
    let answer = stage.client.get(WATCH, &[SSE]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("private"));
    assert_eq!(answer.header("content-disposition"), Some("attachment"));
    assert_eq!(answer.header("grpc-metadata-x-color"), Some("red"));
    assert_eq!(answer.header("etag"), None);
}

#[tokio::test]
async fn a_stream_may_take_its_request_as_a_body() {
    let mut stage = stage(&[1], ok()).await;
    let answer = stage
        .client
        .send(
            "POST",
            "/v1/watches",
            &[("content-type", "application/json"), LINES],
            r#"{"name":"a"}"#,
        )
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, format!("{{\"book\":{}}}\n", printed(1)));
    assert_eq!(stage.call().await.message, json!({"name": "a"}));
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_upstream_at_once() {
    let (stage, sender) = live(Limits::default(), &[1]).await;
    let mut response = stage.client.open("GET", WATCH, &[SSE], Bytes::new()).await;
    until(&mut response, "id: 1").await;
    drop(response);
    tokio::time::timeout(Duration::from_secs(1), sender.closed())
        .await
        .expect("the upstream still sends");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_upstream_whatever_it_sent_behind_its_request() {
    let next = "GET /v1/books/b HTTP/1.1\r\nhost: x\r\n\r\n";
    for rest in ["\r\n", next, &next.repeat(500)] {
        let (stage, sender) = live(Limits::default(), &[1]).await;
        let mut stream = TcpStream::connect(stage.edge).await.unwrap();
        let request = format!("GET {WATCH} HTTP/1.1\r\nhost: x\r\n\r\n{rest}");
        stream.write_all(request.as_bytes()).await.unwrap();
        read_until(&mut stream, "id: 1").await;
        assert!(!sender.is_closed());
        stream.shutdown().await.unwrap();
        tokio::time::timeout(Duration::from_secs(1), sender.closed())
            .await
            .expect("the upstream still sends");
    }
}

#[tokio::test]
async fn a_slow_reader_holds_the_upstream_back() {
    let (stage, sender) = live(Limits::default(), &[]).await;
    let mut response = stage.client.open("GET", WATCH, &[LINES], Bytes::new()).await;
    let title = "x".repeat(1 << 20);
    let message = prost_reflect::DynamicMessage::deserialize(
        prost_reflect::DescriptorPool::decode(crate::stage::descriptor_set())
            .unwrap()
            .get_message_by_name("library.v1.WatchBookResponse")
            .unwrap(),
        json!({"book": {"title": title}}),
    )
    .unwrap();
    let frame = crate::upstream::framed(&prost::Message::encode_to_vec(&message));
    let mut sent = 0;
    // Sockets and windows take a few megabytes; then the sender waits for the reader.
    while tokio::time::timeout(
        Duration::from_millis(500),
        sender.send(Frame::data(frame.clone())),
    )
    .await
    .is_ok()
    {
        sent += 1;
        assert!(sent < 100, "nobody holds the upstream back");
    }
    for _ in 0..4 {
        next(&mut response).await.unwrap();
    }
}

#[tokio::test]
async fn a_shutdown_ends_streams_in_their_own_form() {
    for (accept, begin, end) in [
        (SSE, "\n\nevent: failed\ndata: ", "\n\n"),
        (LINES, "\n", "\n"),
        (ARRAY, ",", "]"),
    ] {
        let (stage, sender) = live(Limits::default(), &[1]).await;
        let mut response = stage.client.open("GET", WATCH, &[accept], Bytes::new()).await;
        let mut body = until(&mut response, "\"revision\":1}").await;
        stage.shutdown.cancel();
        while let Some(more) = next(&mut response).await {
            body += &more;
        }
        let error = body.split_once(&format!("{}{begin}", printed(1))).unwrap().1;
        let error: Value = serde_json::from_str(error.strip_suffix(end).unwrap()).unwrap();
        assert_eq!(
            (&error["error"]["code"], &error["error"]["status"]),
            (&json!(503), &json!("UNAVAILABLE"))
        );
        assert_eq!(error["error"]["details"][0]["reason"], "SHUTTING_DOWN");
        drop(sender);
    }
}
