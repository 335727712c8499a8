//! Streams of requests: NDJSON, or a JSON array.

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::serving::{read_all, read_until};
use crate::stage::{Stage, edge_before, listen};
use crate::upstream::{Reply, framed, ok};

const IMPORT: &str = "/v1/books:import";
const LINES: (&str, &str) = ("content-type", "application/x-ndjson");
const ARRAY: (&str, &str) = ("content-type", "application/json; charset=utf-8");

/// Three messages in each form.
const MESSAGES: [((&str, &str), &str); 2] = [
    (
        LINES,
        "{\"requestId\":\"1\"}\n{}\r\n\n{\"book\":{\"title\":\"a,]\"}}",
    ),
    (
        ARRAY,
        " [{\"requestId\":\"1\"} , {},{\"book\":{\"title\":\"a,]\"}}]\n",
    ),
];

#[tokio::test]
async fn every_element_is_a_message_and_the_answer_is_unary() {
    for (content_type, body) in MESSAGES {
        let mut stage = Stage::with(|call| {
            let reply = call.ok(json!({"book": {"title": "all"}}));
            reply.with("http-status", "201").with("location", "/v1/books/1")
        })
        .await;
        let answer = stage.client.send("POST", IMPORT, &[content_type], body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.header("location"), Some("/v1/books/1"));
        assert_eq!(answer.json()["title"], "all");
        assert_eq!(
            stage.call().await.message,
            json!([{"requestId": "1"}, {}, {"book": {"title": "a,]"}}])
        );
    }
}

#[tokio::test]
async fn no_body_and_an_empty_array_are_no_messages() {
    for (headers, body) in [(&[][..], ""), (&[ARRAY], "[]"), (&[LINES], "\n"), (&[LINES], "")] {
        let mut stage = Stage::new().await;
        let answer = stage.client.send("POST", IMPORT, headers, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(stage.call().await.message, json!([]), "{body}");
    }
}

#[tokio::test]
async fn path_and_query_go_into_the_first_message() {
    for (body, expected) in [
        (
            r#"[{"title":"a"},{"title":"b"}]"#,
            json!([
                {"requestId": "r", "validateOnly": true, "book": {"title": "a"}},
                {"book": {"title": "b"}},
            ]),
        ),
        (
            "[]",
            json!([{"requestId": "r", "validateOnly": true, "book": {}}]),
        ),
    ] {
        let mut stage = Stage::new().await;
        let path = "/v1/requests/r/books?validateOnly=true";
        let answer = stage.client.send("POST", path, &[ARRAY], body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(stage.call().await.message, expected);
    }
}

#[tokio::test]
async fn an_error_points_into_its_element() {
    let stage = Stage::new().await;
    for (content_type, body, field, reason) in [
        (LINES, "{}\n{}\n{}\n{\"name\":1}", "/3/name", "UNKNOWN_FIELD"),
        (ARRAY, r#"[{"requestId":1}]"#, "/0/requestId", "WRONG_TYPE"),
        (
            ARRAY,
            r#"[{},{"book":{"title":1}}]"#,
            "/1/book/title",
            "WRONG_TYPE",
        ),
        (ARRAY, "[{},{}", "/1", "MALFORMED_JSON"),
        (ARRAY, "[{},]", "/1", "MALFORMED_JSON"),
        (ARRAY, "[{}]x", "/1", "MALFORMED_JSON"),
        (ARRAY, "{}", "/0", "MALFORMED_JSON"),
        (LINES, "{}\n{} {}", "/1", "MALFORMED_JSON"),
    ] {
        let answer = stage.client.send("POST", IMPORT, &[content_type], body).await;
        assert_eq!(
            answer.violations(),
            [(field.to_owned(), reason.to_owned())],
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_bad_first_message_is_refused_before_the_call() {
    let mut stage = Stage::new().await;
    let answer = stage.client.send("POST", IMPORT, &[ARRAY], "[1]").await;
    assert_eq!(answer.status, 400);
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn another_type_is_415() {
    let stage = Stage::new().await;
    for content_type in [
        "text/plain",
        "application/json; charset=latin1",
        "application/x-ndjsonx",
    ] {
        let answer = stage
            .client
            .send("POST", IMPORT, &[("content-type", content_type)], "[]")
            .await;
        assert_eq!(
            answer.error(),
            (415, "INVALID_ARGUMENT".into(), "UNSUPPORTED_MEDIA_TYPE".into())
        );
    }
}

#[tokio::test]
async fn elements_are_bounded_one_by_one_and_all_together() {
    let limits = postern_edge::Limits {
        body_bytes_max: 1_000,
        request_stream_bytes_max: 20_000,
        ..Default::default()
    };
    let stage = Stage::with_limits(limits, |call| call.ok(json!({}))).await;
    let line = |bytes: usize| format!("{{\"requestId\":\"{}\"}}\n", "x".repeat(bytes));
    for (body, status) in [
        (line(900).repeat(20), 200),
        (line(900) + &line(1_100), 413),
        (line(900).repeat(30), 413),
    ] {
        let answer = stage.client.send("POST", IMPORT, &[LINES], &body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_stream_of_both_answers_each_in_its_form() {
    for (content_type, body) in [
        (LINES, "{\"name\":\"a\"}\n{\"name\":\"b\"}"),
        (ARRAY, r#"[{"name":"a"},{"name":"b"}]"#),
    ] {
        let stage = Stage::with(|call| {
            let books = call.message.as_array().unwrap().clone();
            let frames = books
                .iter()
                .map(|book| call.frame(json!({"title": book["name"]})));
            Reply::frames(frames.chain([ok()]).collect())
        })
        .await;
        let headers = [content_type, ("accept", "application/x-ndjson")];
        let answer = stage
            .client
            .send("POST", "/v1/books:exchange", &headers, body)
            .await;
        let titles: Vec<_> = answer
            .body
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["title"].clone())
            .collect();
        assert_eq!(titles, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_late_error_in_a_stream_of_both_is_its_own() {
    let stage = Stage::new().await;
    let headers = [LINES, ("accept", "application/x-ndjson")];
    let answer = stage
        .client
        .send("POST", "/v1/books:exchange", &headers, "{}\n{\"nothing\":1}")
        .await;
    assert_eq!(
        answer.violations(),
        [("/1/nothing".to_owned(), "UNKNOWN_FIELD".to_owned())]
    );
}

/// The head of a call that streams both ways.
fn exchange(framing: &str) -> String {
    let types = "content-type: application/x-ndjson\r\naccept: application/x-ndjson";
    format!("POST /v1/books:exchange HTTP/1.1\r\nhost: x\r\n{types}\r\n{framing}\r\n\r\n")
}

#[tokio::test]
async fn a_server_may_speak_first() {
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        let greeting = http_body::Frame::data(framed(b"\x0a\x05hello"));
        let frames = futures::stream::iter([Ok::<_, std::convert::Infallible>(greeting)]);
        let body = http_body_util::StreamBody::new(frames.chain(futures::stream::pending()));
        let mut response = http::Response::new(body);
        let kind = http::HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", kind);
        Ok::<_, std::convert::Infallible>(response)
    });
    let mut servers = tokio::task::JoinSet::new();
    let behind = listen(&mut servers, service, Default::default()).await;
    let edge = edge_before(&mut servers, &format!("http://{behind}")).await;
    let mut stream = TcpStream::connect(edge).await.unwrap();
    let head = exchange("transfer-encoding: chunked");
    stream.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut stream, "hello").await;
    // Too late for a status of its own.
    stream.write_all(b"8\r\n{\"x\":1}\n\r\n").await.unwrap();
    read_until(&mut stream, "\"/0/x\"").await;
}

#[tokio::test]
async fn a_bad_first_message_that_is_there_already_keeps_its_status() {
    let mut stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.edge).await.unwrap();
    let request = exchange("connection: close\r\ncontent-length: 7") + "{\"x\":1}";
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(stage.is_quiet());
}
