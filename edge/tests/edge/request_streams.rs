//! Streams of requests: NDJSON, or a JSON array.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::upstream::{Reply, ok};

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
