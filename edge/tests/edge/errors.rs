//! Errors in the one JSON shape, with the statuses, reasons and headers that the contract names.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use postern_edge::{Config, Limits, upstream};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic_types::pb;

use crate::client::Client;
use crate::stage::{Stage, config, edge_before, listen};
use crate::upstream::Reply;

fn details(code: i32, details: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let details = details.iter().map(|(name, value)| prost_types::Any {
        type_url: format!("type.googleapis.com/{name}"),
        value: value.clone(),
    });
    let status = pb::Status {
        code,
        message: "from details".to_owned(),
        details: details.collect(),
    };
    status.encode_to_vec()
}

#[tokio::test]
async fn every_code_has_its_http_status_and_name() {
    for (code, status, name) in [
        (1, 499, "CANCELLED"),
        (2, 500, "UNKNOWN"),
        (3, 400, "INVALID_ARGUMENT"),
        (4, 504, "DEADLINE_EXCEEDED"),
        (5, 404, "NOT_FOUND"),
        (6, 409, "ALREADY_EXISTS"),
        (7, 403, "PERMISSION_DENIED"),
        (8, 429, "RESOURCE_EXHAUSTED"),
        (9, 400, "FAILED_PRECONDITION"),
        (10, 409, "ABORTED"),
        (11, 400, "OUT_OF_RANGE"),
        (12, 501, "UNIMPLEMENTED"),
        (13, 500, "INTERNAL"),
        (14, 503, "UNAVAILABLE"),
        (15, 500, "DATA_LOSS"),
        (16, 401, "UNAUTHENTICATED"),
        (42, 500, "UNKNOWN"),
    ] {
        let stage = Stage::with(move |_| Reply::error(code, "tell%C3%A9 \"x\"")).await;
        let answer = stage.get("/v1/books/a").await;
        let expected =
            json!({"error": {"code": status, "status": name, "message": "tellé \"x\"", "details": []}});
        assert_eq!((answer.status.as_u16(), answer.json()), (status, expected));
        assert_eq!(
            answer.header("www-authenticate"),
            (code == 16).then_some("Bearer"),
            "{code}"
        );
    }
}

#[tokio::test]
async fn details_are_printed_with_their_types_whatever_the_padding() {
    let info = pb::ErrorInfo {
        reason: "TAKEN".to_owned(),
        domain: "library".to_owned(),
        ..Default::default()
    };
    // A type that only the service has, and one that nobody has.
    let nothing = ("library.v1.Nothing", Vec::new());
    let bytes = details(
        6,
        &[
            ("google.rpc.ErrorInfo", info.encode_to_vec()),
            nothing,
            ("a.B", vec![1, 2]),
        ],
    );
    for text in [STANDARD.encode(&bytes), STANDARD_NO_PAD.encode(&bytes)] {
        let stage =
            Stage::with(move |_| Reply::error(6, "taken").with("grpc-status-details-bin", &text)).await;
        let answer = stage.get("/v1/books/a").await;
        assert_eq!(answer.error(), (409, "ALREADY_EXISTS".into(), "TAKEN".into()));
        let expected = json!([
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TAKEN", "domain": "library", "metadata": {}},
            {"@type": "type.googleapis.com/library.v1.Nothing"},
            {"@type": "type.googleapis.com/a.B", "value": "AQI="},
        ]);
        assert_eq!(answer.json()["error"]["details"], expected);
        assert_eq!(answer.json()["error"]["message"], "taken");
    }
}

#[tokio::test]
async fn details_that_cannot_be_read_are_left_out() {
    let stage = Stage::with(|_| Reply::error(5, "x").with("grpc-status-details-bin", "?!")).await;
    assert_eq!(
        stage.get("/v1/books/a").await.error(),
        (404, "NOT_FOUND".into(), String::new())
    );
}

#[tokio::test]
async fn retry_info_becomes_retry_after_in_whole_seconds() {
    let delay = prost_types::Duration { seconds: 1, nanos: 1 };
    let retry = pb::RetryInfo {
        retry_delay: Some(delay),
    };
    let bytes = details(8, &[("google.rpc.RetryInfo", retry.encode_to_vec())]);
    let text = STANDARD_NO_PAD.encode(bytes);
    let stage =
        Stage::with(move |_| Reply::error(8, "slow down").with("grpc-status-details-bin", &text)).await;
    let answer = stage.get("/v1/books/a").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, Some("2"))
    );
}

#[tokio::test]
async fn metadata_of_an_error_is_prefixed_and_sets_no_status() {
    let stage = Stage::with(|_| {
        Reply::error(5, "x")
            .with("http-status", "202")
            .with("x-color", "red")
    })
    .await;
    let answer = stage.get("/v1/books/a").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("grpc-metadata-x-color")),
        (404, Some("red"))
    );
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_503_with_retry_after() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    for list in [
        format!("http://{nobody}"),
        format!("http://{nobody},http://localhost:{}", nobody.port()),
    ] {
        let config = Config {
            error_domain: "library".to_owned(),
            ..config()
        };
        let edge = config.build(upstream::channel(&list).unwrap()).unwrap();
        let mut servers = tokio::task::JoinSet::new();
        let client = Client::new(listen(&mut servers, edge, CancellationToken::new()).await);
        let answer = client.get("/v1/books/a", &[]).await;
        assert_eq!(
            answer.error(),
            (503, "UNAVAILABLE".into(), "BACKEND_UNAVAILABLE".into())
        );
        let details = &answer.json()["error"]["details"];
        assert_eq!(details[0]["domain"], "library");
        assert_eq!(
            details[1],
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"})
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
        let stream = client.get("/v1/books/a:watch", &[]).await;
        assert_eq!(stream.error().2, "BACKEND_UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_504_and_the_upstream_knows_its_time() {
    let limits = Limits {
        unary_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let mut stage =
        Stage::with_limits(limits, |call| call.stream(&[], tokio::sync::mpsc::channel(1).1)).await;
    // The receiver alone is kept: the sender is gone, but the end that follows has no status.
    assert_eq!(stage.get("/v1/books/a").await.error().0, 500);
    let timeout = stage.call().await.metadata["grpc-timeout"]
        .to_str()
        .unwrap()
        .to_owned();
    let milliseconds: u64 = timeout.strip_suffix('m').unwrap().parse().unwrap();
    assert!((1..=200).contains(&milliseconds), "{timeout}");

    let limits = Limits {
        unary_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let stage = Stage::with_limits(limits, move |call| {
        call.stream(&[], receiver.lock().unwrap().take().unwrap())
    })
    .await;
    let answer = stage.get("/v1/books/a").await;
    assert_eq!(
        answer.error(),
        (504, "DEADLINE_EXCEEDED".into(), "DEADLINE_EXCEEDED".into())
    );
    drop(sender);
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused() {
    let limits = Limits {
        message_bytes_max: 1_000,
        ..Limits::default()
    };
    let stage = Stage::with_limits(limits, |call| call.ok(json!({"title": "x".repeat(2_000)}))).await;
    assert_eq!(stage.get("/v1/books/a").await.error().0, 500);
}

#[tokio::test]
async fn an_upstream_that_speaks_no_grpc_is_told_apart() {
    use http::{Response, StatusCode};
    for (status, expected) in [
        (StatusCode::OK, 500),
        (StatusCode::BAD_GATEWAY, 503),
        (StatusCode::NOT_FOUND, 501),
    ] {
        let service = tower::service_fn(move |_: http::Request<hyper::body::Incoming>| async move {
            let mut response = Response::new(String::from("<html>"));
            *response.status_mut() = status;
            Ok::<_, std::convert::Infallible>(response)
        });
        let mut servers = tokio::task::JoinSet::new();
        let behind = listen(&mut servers, service, CancellationToken::new()).await;
        let client = Client::new(edge_before(&mut servers, &format!("http://{behind}")).await);
        let answer = client.get("/v1/books/a", &[]).await;
        assert_eq!(answer.error().0, expected);
        let body: Value = answer.json();
        assert!(!body.to_string().contains("html"));
    }
}
