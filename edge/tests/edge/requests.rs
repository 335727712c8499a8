//! What becomes of a request's headers and body before anything is bound.

use http_body_util::BodyExt as _;
use postern_edge::Config;
use serde_json::json;

use crate::client::Client;
use crate::stage::{Stage, config};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn allowed_headers_become_metadata_and_no_others() {
    let mut stage = Stage::new().await;
    let headers = [
        ("authorization", "Bearer x"),
        ("idempotency-key", "k"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "a=b"),
        ("grpc-timeout", "1n"),
        ("grpc-trace-bin", "AA"),
        ("x-secret", "s"),
        ("cookie", "c"),
        ("te", "gzip"),
    ];
    assert_eq!(stage.client.get("/v1/books/a", &headers).await.status, 200);
    let metadata = stage.call().await.metadata;
    for (name, value) in &headers[..4] {
        assert_eq!(metadata[*name], *value);
    }
    assert_eq!(
        (&metadata["te"], &metadata["content-type"]),
        (&"trailers".parse().unwrap(), &"application/grpc".parse().unwrap())
    );
    assert_ne!(metadata["grpc-timeout"], "1n");
    for name in ["grpc-trace-bin", "x-secret", "cookie", "host", "accept"] {
        assert!(!metadata.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_trace_context_that_is_none_is_not_passed_on() {
    let mut stage = Stage::new().await;
    let headers = [("traceparent", "00-1-2-3"), ("tracestate", "a=b")];
    assert_eq!(stage.client.get("/v1/books/a", &headers).await.status, 200);
    let metadata = stage.call().await.metadata;
    assert!(!metadata.contains_key("traceparent") && !metadata.contains_key("tracestate"));
}

#[tokio::test]
async fn allowed_binary_headers_are_base64() {
    let mut servers = tokio::task::JoinSet::new();
    let (calls, mut received) = tokio::sync::mpsc::unbounded_channel();
    let library = crate::stage::library(std::sync::Arc::new(|call| call.ok(json!({}))), calls);
    let behind = crate::stage::listen(&mut servers, library, Default::default()).await;
    let mut config = config();
    config
        .request_headers
        .push(http::HeaderName::from_static("x-key-bin"));
    let channels = postern_edge::upstream::channel(&format!("http://{behind}")).unwrap();
    let edge = config.build(channels).unwrap();
    let client = Client::new(crate::stage::listen(&mut servers, edge, Default::default()).await);
    assert_eq!(
        client.get("/v1/books/a", &[("x-key-bin", "AQI")]).await.status,
        200
    );
    assert_eq!(received.recv().await.unwrap().metadata["x-key-bin"], "AQI");
    let answer = client.get("/v1/books/a", &[("x-key-bin", "no base64")]).await;
    assert_eq!(
        answer.error(),
        (400, "INVALID_ARGUMENT".into(), "INVALID_REQUEST".into())
    );
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn a_request_has_an_id_its_own_or_a_new_one() {
    let mut stage = Stage::new().await;
    let answer = stage
        .client
        .get("/v1/books/a", &[("x-request-id", "mine 1")])
        .await;
    assert_eq!(answer.header("x-request-id"), Some("mine 1"));
    assert_eq!(stage.call().await.metadata["x-request-id"], "mine 1");
    let long = "x".repeat(129);
    for given in [
        &[][..],
        &[("x-request-id", long.as_str())],
        &[("x-request-id", "a"), ("x-request-id", "b")],
    ] {
        let answer = stage.client.get("/v1/books/a", given).await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(
            stage
                .call()
                .await
                .metadata
                .get_all("x-request-id")
                .iter()
                .collect::<Vec<_>>(),
            [id]
        );
    }
    let missing = stage
        .client
        .get("/v1/nothing", &[("x-request-id", "mine 2")])
        .await;
    assert_eq!(missing.header("x-request-id"), Some("mine 2"));
}

#[tokio::test]
async fn a_body_of_another_type_is_415() {
    let stage = Stage::new().await;
    for headers in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json; charset=latin1")],
        &[],
        &[JSON, ("content-encoding", "gzip")],
    ] {
        let answer = stage.client.send("POST", "/v1/books", headers, "{}").await;
        assert_eq!(
            answer.error(),
            (415, "INVALID_ARGUMENT".into(), "UNSUPPORTED_MEDIA_TYPE".into()),
            "{headers:?}"
        );
    }
    for kind in [
        "application/json; charset=utf-8",
        "APPLICATION/JSON;charset=\"UTF-8\";x=y",
    ] {
        let answer = stage
            .client
            .send("POST", "/v1/books", &[("content-type", kind)], "{}")
            .await;
        assert_eq!(answer.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_and_the_connection_lives_on() {
    let mut stage = Stage::new().await;
    let body = format!("{{\"requestId\":\"{}\"}}", "x".repeat(3 << 20));
    for client in [stage.client.clone(), Client::h2(stage.edge)] {
        let answer = client.send("POST", "/v1/books", &[JSON], &body).await;
        assert_eq!(
            answer.error(),
            (413, "INVALID_ARGUMENT".into(), "BODY_TOO_LARGE".into())
        );
        assert_eq!(client.get("/v1/books/a", &[]).await.status, 200);
        assert_eq!(stage.call().await.message, json!({"name": "a"}));
    }
}

#[tokio::test]
async fn a_body_as_large_as_allowed_is_taken() {
    let mut stage = Stage::new().await;
    let frame = r#"{"requestId":""}"#.len();
    let body = format!("{{\"requestId\":\"{}\"}}", "x".repeat((2 << 20) - frame));
    assert_eq!(stage.post("/v1/books", &body).await.status, 200);
    assert_eq!(
        stage.call().await.message["requestId"].as_str().unwrap().len(),
        (2 << 20) - frame
    );
}

#[tokio::test]
async fn headers_that_are_too_large_are_431() {
    let stage = Stage::new().await;
    let large = "x".repeat(100_000);
    let many = vec![("x-many", "x"); 900];
    for headers in [&[("x-large", large.as_str())][..], &many] {
        let answer = stage.client.get("/v1/books/a", headers).await;
        assert_eq!(
            answer.error(),
            (431, "INVALID_ARGUMENT".into(), "HEADERS_TOO_LARGE".into())
        );
    }
}

#[tokio::test]
async fn many_small_headers_are_taken() {
    let stage = Stage::new().await;
    let answer = stage.client.get("/v1/books/a", &vec![("x-many", "x"); 300]).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_post_to_a_grpc_path_with_another_type_is_415() {
    let stage = Stage::new().await;
    let answer = stage.post("/library.v1.Library/GetBook", "{}").await;
    assert_eq!(answer.error().2, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(stage.get("/library.v1.Library/GetBook").await.error().0, 404);
}

#[tokio::test]
async fn the_edge_says_that_it_is_there() {
    let stage = Stage::new().await;
    let answer = stage.get("/healthz").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "ok"));
    let head = stage
        .client
        .open("HEAD", "/healthz", &[], bytes::Bytes::new())
        .await;
    assert_eq!(head.status(), 200);
    assert!(head.into_body().collect().await.unwrap().to_bytes().is_empty());
    let answer = stage.post("/healthz", "{}").await;
    assert_eq!(
        answer.error(),
        (405, "UNIMPLEMENTED".into(), "METHOD_NOT_ALLOWED".into())
    );
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn a_route_that_takes_the_path_wins_with_every_method() {
    let mut stage = Stage::with_config(Config {
        service_config: Some(
            "http: {rules: [{selector: library.v1.Library.SaveBook, post: /healthz, body: '*'}]}".to_owned(),
        ),
        ..config()
    })
    .await;
    assert_eq!(stage.get("/healthz").await.header("allow"), Some("POST"));
    stage.post("/healthz", "{}").await;
    assert_eq!(stage.call().await.path, "/library.v1.Library/SaveBook");
}
