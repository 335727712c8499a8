//! What a unary answer looks like: JSON, status and headers out of the response metadata.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::upstream::{Reply, framed, ok, trailers};

#[tokio::test]
async fn fields_without_presence_are_always_printed_and_unset_ones_left_out() {
    let stage = Stage::new().await;
    let answer = stage.get("/v1/books/a").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = json!({
        "name": "", "title": "", "pages": "0", "genre": "GENRE_UNSPECIFIED", "tags": [], "labels": {}, "cover": "",
        "revision": 0,
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn numbers_of_64_bits_are_strings_and_set_optionals_are_printed() {
    let message = json!({"pages": "9007199254740993", "edition": 0, "crate": 0, "extra": {"a": null}});
    let stage = Stage::with(move |call| call.ok(message.clone())).await;
    let book = stage.get("/v1/books/a").await.json();
    assert_eq!(book["pages"], "9007199254740993");
    assert_eq!(
        (&book["edition"], &book["crate"], &book["extra"]),
        (&json!(0), &json!(0), &json!({"a": null}))
    );
}

#[tokio::test]
async fn response_body_picks_a_field_and_an_absent_one_is_its_default() {
    let stage = Stage::with(|call| match call.path.ends_with("CreateBook") {
        true => call.ok(json!({"book": {"title": "x"}})),
        false => call.ok(json!({"titles": ["x"]})),
    })
    .await;
    assert_eq!(stage.post("/v1/books", "{}").await.json()["title"], "x");
    assert_eq!(stage.get("/v1/books:titles").await.json(), json!(["x"]));
    let stage = Stage::new().await;
    assert_eq!(stage.get("/v1/books:titles").await.json(), json!([]));
    assert_eq!(stage.post("/v1/books", "{}").await.status, 200);
}

#[tokio::test]
async fn metadata_becomes_status_and_headers() {
    let stage = Stage::with(|call| {
        let reply = call
            .ok(json!({}))
            .with("http-status", "202")
            .with("location", "/v1/books/a");
        let reply = reply
            .with("etag", "\"7\"")
            .with("retry-after", "2")
            .with("cache-control", "no-store");
        reply
            .with("content-disposition", "attachment")
            .with("x-color", "red")
            .with("x-raw-bin", "AQI=")
    })
    .await;
    let answer = stage.get("/v1/books/a").await;
    assert_eq!(answer.status, 202);
    for (name, value) in [
        ("location", "/v1/books/a"),
        ("etag", "\"7\""),
        ("retry-after", "2"),
        ("cache-control", "no-store"),
        ("content-disposition", "attachment"),
        ("grpc-metadata-x-color", "red"),
        ("grpc-metadata-x-raw-bin", "AQI="),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    for name in [
        "http-status",
        "x-color",
        "grpc-metadata-etag",
        "grpc-metadata-content-type",
        "grpc-status",
    ] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_status_outside_the_two_hundreds_is_not_taken() {
    let stage = Stage::with(|call| call.ok(json!({})).with("http-status", "302")).await;
    assert_eq!(stage.get("/v1/books/a").await.status, 200);
}

#[tokio::test]
async fn no_content_drops_the_message() {
    let stage = Stage::with(|call| call.ok(json!({})).with("http-status", "204")).await;
    let answer = stage.client.send("DELETE", "/v1/books/a", &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("content-type"), None);
}

#[tokio::test]
async fn what_the_caller_has_is_304_for_get_and_head_alone() {
    let stage = Stage::with(|call| {
        let reply = call
            .ok(json!({}))
            .with("etag", "\"2\"")
            .with("cache-control", "no-store");
        reply.with("retry-after", "2")
    })
    .await;
    for (method, path, given, status) in [
        ("GET", "/v1/books/a", "\"2\"", 304),
        ("HEAD", "/v1/books/a", "W/\"2\"", 304),
        ("GET", "/v1/books/a", "\"1\", W/\"2\"", 304),
        ("GET", "/v1/books/a", "*", 304),
        ("GET", "/v1/books/a", "\"1\"", 200),
        ("PUT", "/v1/anything", "\"2\"", 200),
    ] {
        let answer = stage
            .client
            .send(method, path, &[("if-none-match", given)], "")
            .await;
        assert_eq!(answer.status, status, "{method} {given}");
        assert_eq!(answer.header("etag"), Some("\"2\""));
        if status == 304 {
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(
                (answer.header("retry-after"), answer.header("content-type")),
                (None, None)
            );
            assert_eq!(answer.body, "");
        }
    }
}

#[tokio::test]
async fn an_error_after_the_message_is_an_error() {
    let stage = Stage::with(|call| {
        let end = trailers(&[("grpc-status", "9"), ("grpc-message", "no%20more")]);
        Reply::frames(vec![call.frame(json!({})), end])
    })
    .await;
    let answer = stage.get("/v1/books/a").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["message"], "no more");
}

#[tokio::test]
async fn an_answer_that_is_no_single_message_is_an_internal_error() {
    type Make = fn(&crate::upstream::Call) -> Reply;
    let none: Make = |_| Reply::frames(vec![ok()]);
    let two: Make = |call| Reply::frames(vec![call.frame(json!({})), call.frame(json!({})), ok()]);
    let unreadable: Make = |_| Reply::frames(vec![http_body::Frame::data(framed(&[0xff])), ok()]);
    let no_status: Make = |call| Reply::frames(vec![call.frame(json!({}))]);
    for make in [none, two, unreadable, no_status] {
        let stage = Stage::with(make).await;
        let answer = stage.get("/v1/books/a").await;
        assert_eq!(answer.error(), (500, "INTERNAL".into(), "INTERNAL".into()));
        assert_eq!(answer.json()["error"]["message"], "internal error");
    }
}

#[tokio::test]
async fn a_large_list_comes_through_whole() {
    let books: Vec<Value> = (0..2_000)
        .map(|index| json!({"title": "t".repeat(200), "revision": index}))
        .collect();
    let stage = Stage::with(move |call| call.ok(json!({"books": books}))).await;
    let listed = stage.get("/v1/books").await.json();
    assert_eq!(listed["books"].as_array().unwrap().len(), 2_000);
    assert_eq!(listed["books"][1_999]["revision"], 1_999);
}
