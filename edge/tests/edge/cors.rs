//! Pages of other origins, as a browser asks for them.

use bytes::Bytes;
use postern_edge::{Config, Origin};

use crate::client::{Answer, Client};
use crate::stage::{Stage, config, descriptor_set_of};

const CONSOLE: &str = "https://console.example.com";
const GET_BOOK: &str = "/library.v1.Library/GetBook";

async fn preflight(stage: &Stage, origin: &str, method: &str, path: &str) -> Answer {
    let headers = [("origin", origin), ("access-control-request-method", method)];
    stage.client.send("OPTIONS", path, &headers, "").await
}

fn listed<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.header(name).unwrap_or_default().split(", ").collect()
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_edge_with_the_methods_of_the_path() {
    let mut stage = Stage::with_origins(&[CONSOLE]).await;
    let answer = preflight(&stage, CONSOLE, "PUT", "/v1/books/b").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some(CONSOLE));
    assert_eq!(
        listed(&answer, "access-control-allow-methods"),
        ["GET", "HEAD", "PUT", "DELETE", "POST"]
    );
    assert_eq!(answer.header("access-control-max-age"), Some("7200"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_path_that_takes_every_method_lists_the_usual_ones_and_the_one_that_is_asked_for() {
    let stage = Stage::with_origins(&[CONSOLE]).await;
    let usual = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];
    for (asked, own) in [("PATCH", None), ("PURGE", Some("PURGE"))] {
        let answer = preflight(&stage, CONSOLE, asked, "/v1/anything").await;
        let expected: Vec<_> = usual.into_iter().chain(own).collect();
        assert_eq!(listed(&answer, "access-control-allow-methods"), expected);
    }
    // Two bindings of one path: what GET does is GET's, and HEAD goes with it.
    let stage = Stage::with_config(Config {
        descriptor_set: descriptor_set_of(&[
            "custom: {kind: '*' path: '/a/{a}:do'}",
            "custom: {kind: '*' path: '/a'} additional_bindings: {custom: {kind: 'HEAD' path: '/a'}}",
            "get: '/a'",
        ]),
        cors_origins: vec![CONSOLE.parse().unwrap()],
        ..config()
    })
    .await;
    for path in ["/a", "/a/b:do"] {
        let answer = preflight(&stage, CONSOLE, "PURGE", path).await;
        let mut methods = listed(&answer, "access-control-allow-methods");
        methods.sort_unstable();
        assert_eq!(
            methods,
            [
                "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PURGE", "PUT"
            ],
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_preflight_of_grpc_web_is_answered_and_allows_its_headers() {
    let stage = Stage::with_origins(&[CONSOLE]).await;
    let answer = preflight(&stage, CONSOLE, "POST", GET_BOOK).await;
    assert_eq!(answer.status, 204);
    assert!(listed(&answer, "access-control-allow-methods").contains(&"POST"));
    let headers = listed(&answer, "access-control-allow-headers");
    for header in [
        "authorization",
        "content-type",
        "grpc-timeout",
        "idempotency-key",
        "if-none-match",
        "last-event-id",
        "traceparent",
        "x-grpc-web",
        "x-request-id",
        "x-user-agent",
    ] {
        assert!(headers.contains(&header), "{header} in {headers:?}");
    }
}

#[tokio::test]
async fn a_page_may_read_answers_and_errors_and_their_headers() {
    let stage = Stage::with_origins(&[CONSOLE]).await;
    for (path, status) in [("/v1/books/b", 200), ("/nothing", 404), ("/healthz", 200)] {
        let answer = stage.client.get(path, &[("origin", CONSOLE)]).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(CONSOLE),
            "{path}"
        );
        assert_eq!(answer.header("vary"), Some("origin"), "{path}");
        let headers = listed(&answer, "access-control-expose-headers");
        for header in [
            "*",
            "etag",
            "location",
            "retry-after",
            "x-request-id",
            "grpc-status",
            "grpc-message",
        ] {
            assert!(headers.contains(&header), "{header} in {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_page_may_read_answers_of_grpc_web() {
    let stage = Stage::with_origins(&[CONSOLE]).await;
    for client in [stage.client.clone(), Client::h2(stage.edge)] {
        let headers = [
            ("origin", CONSOLE),
            ("content-type", "application/grpc-web+proto"),
        ];
        let body = Bytes::from_static(b"\0\0\0\0\x03\x0a\x01a");
        let response = client.open("POST", GET_BOOK, &headers, body).await;
        assert_eq!(response.headers()["access-control-allow-origin"], CONSOLE);
        let exposed = response.headers()["access-control-expose-headers"].to_str();
        assert!(exposed.unwrap().contains("grpc-status-details-bin"));
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_granted_nothing() {
    let stage = Stage::with_origins(&[CONSOLE]).await;
    for origin in [
        "https://console.example.com:8443",
        "http://console.example.com",
        "null",
    ] {
        let answer = preflight(&stage, origin, "GET", "/v1/books/b").await;
        assert_eq!(answer.error().0, 405, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("vary"), Some("origin"), "{origin}");
    }
    let answer = stage.get("/v1/books/b").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("vary"), Some("origin"), "caches must know");
}

#[tokio::test]
async fn a_star_lets_every_page_read() {
    let stage = Stage::with_origins(&["*"]).await;
    let answer = stage
        .client
        .get("/v1/books/b", &[("origin", "https://x.example")])
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("vary"), None);
    let answer = preflight(&stage, "https://x.example", "GET", "/v1/books/b").await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn without_origins_no_page_may_read() {
    let stage = Stage::new().await;
    let answer = preflight(&stage, CONSOLE, "GET", "/v1/books/b").await;
    assert_eq!(answer.error().0, 405);
    let answer = stage.client.get("/v1/books/b", &[("origin", CONSOLE)]).await;
    for name in ["access-control-allow-origin", "vary"] {
        assert_eq!(answer.header(name), None);
    }
}

#[tokio::test]
async fn options_that_are_no_preflight_are_a_request_like_any_other() {
    let stage = Stage::with_origins(&["*"]).await;
    let answer = stage
        .client
        .send("OPTIONS", "/v1/books/b", &[("origin", CONSOLE)], "")
        .await;
    assert_eq!(answer.error().0, 405);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn what_no_browser_would_send_is_no_origin() {
    for origin in [
        "console.example.com",
        "https://x.example/",
        "https://X.example",
        "null",
        "https://",
        "",
    ] {
        let error = origin.parse::<Origin>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{origin:?} is not an origin like https://console.example.com, nor *")
        );
    }
    for origin in ["https://x.example", "http://[::1]:8080", "*"] {
        origin.parse::<Origin>().unwrap();
    }
}
