//! The table of routing semantics, one row each.

use postern_edge::Config;
use serde_json::{Value, json};

use crate::stage::{Stage, config};

async fn routed(stage: &mut Stage, method: &str, path: &str) -> (String, Value) {
    let answer = stage.client.send(method, path, &[], "").await;
    assert!(answer.status.is_success(), "{path}: {}", answer.body);
    let call = stage.call().await;
    (call.path.rsplit('/').next().unwrap().to_owned(), call.message)
}

#[tokio::test]
async fn a_variable_takes_one_segment_and_decodes_all_of_it_once() {
    let mut stage = Stage::new().await;
    for (path, name) in [
        ("/v1/books/a", "a"),
        ("/v1/books/a%2Fb%20c", "a/b c"),
        ("/v1/books/a+b", "a+b"),
        ("/v1/books/%252F", "%2F"),
        ("/v1/books/%C3%A9", "é"),
        ("/v1/%62ooks/x", "x"),
    ] {
        let routed = routed(&mut stage, "GET", path).await;
        assert_eq!(routed, ("GetBook".to_owned(), json!({"name": name})), "{path}");
    }
}

#[tokio::test]
async fn a_variable_of_several_segments_keeps_escaped_slashes() {
    let mut stage = Stage::new().await;
    for (path, value) in [
        ("/v1/files/a/b%2fc%2F%20d", "a/b%2fc%2F d"),
        ("/v1/files/a", "a"),
        ("/v1/files/a//b/", "a//b/"),
    ] {
        assert_eq!(
            routed(&mut stage, "GET", path).await,
            ("ReadFile".to_owned(), json!({"path": value}))
        );
    }
}

#[tokio::test]
async fn two_stars_match_no_segment_too_and_go_with_a_verb() {
    let mut stage = Stage::new().await;
    assert_eq!(routed(&mut stage, "GET", "/v1/files").await.1, json!({}));
    assert_eq!(
        routed(&mut stage, "GET", "/v1/files/a/b:stat").await.1,
        json!({"path": "a/b"})
    );
    assert_eq!(
        routed(&mut stage, "GET", "/v1/files/a/b:other").await.1,
        json!({"path": "a/b:other"})
    );
}

#[tokio::test]
async fn a_pattern_with_literals_gives_the_whole_text_to_its_field() {
    let mut stage = Stage::new().await;
    let answer = stage
        .client
        .send("PATCH", "/v1/shelves/1/books/2%2F3", &[], "")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        stage.call().await.message,
        json!({"book": {"name": "shelves/1/books/2%2F3"}})
    );
}

#[tokio::test]
async fn a_colon_belongs_to_the_id_unless_a_route_has_the_verb() {
    let mut stage = Stage::new().await;
    assert_eq!(
        routed(&mut stage, "GET", "/v1/books/job:7").await.1,
        json!({"name": "job:7"})
    );
    assert_eq!(
        routed(&mut stage, "GET", "/v1/books/a%3Awatch").await.1,
        json!({"name": "a:watch"})
    );
    assert_eq!(
        routed(&mut stage, "LOCK", "/v1/books/a:b:lock").await.1,
        json!({"name": "a:b"})
    );
    // To other methods, too: whoever means such an id writes the colon as %3A.
    let read = stage.get("/v1/books/a:lock").await;
    assert_eq!((read.status.as_u16(), read.header("allow")), (405, Some("LOCK")));
    assert_eq!(
        routed(&mut stage, "GET", "/v1/books/a%3Alock").await.1,
        json!({"name": "a:lock"})
    );
    let watched = routed(&mut stage, "GET", "/v1/books/a:b:watch").await;
    assert_eq!(watched, ("WatchBook".to_owned(), json!({"name": "a:b"})));
}

#[tokio::test]
async fn a_literal_wins_over_a_star_unless_it_lacks_the_method() {
    let mut stage = Stage::new().await;
    assert_eq!(
        routed(&mut stage, "GET", "/v1/books/latest").await.0,
        "LatestBook"
    );
    assert_eq!(
        routed(&mut stage, "PUT", "/v1/books/latest").await,
        ("SaveBook".to_owned(), json!({"name": "latest"}))
    );
}

#[tokio::test]
async fn a_literal_goes_before_a_star_a_star_before_two_and_a_dead_end_is_left_again() {
    let rules = "
        http:
          rules:
            - {selector: library.v1.Library.LatestBook, get: /p/a/b/c}
            - {selector: library.v1.Library.GetBook, get: '/p/{name=*/*}/d'}
            - {selector: library.v1.Library.ReadFile, get: '/p/{path=**}'}
            - {selector: library.v1.Library.SaveBook, put: '/p/{name=*/*}/c'}";
    let mut stage = Stage::with_config(Config {
        service_config: Some(rules.to_owned()),
        ..config()
    })
    .await;
    for (method, path, rpc, message) in [
        ("GET", "/p/a/b/c", "LatestBook", json!({})),
        ("GET", "/p/a/b/d", "GetBook", json!({"name": "a/b"})),
        ("GET", "/p/a/b/e", "ReadFile", json!({"path": "a/b/e"})),
        ("GET", "/p/a/x/c", "ReadFile", json!({"path": "a/x/c"})),
        ("PUT", "/p/a/b/c", "SaveBook", json!({"name": "a/b"})),
    ] {
        let routed = routed(&mut stage, method, path).await;
        assert_eq!(routed, (rpc.to_owned(), message), "{method} {path}");
    }
    let answer = stage.client.send("DELETE", "/p/a/b/c", &[], "").await;
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT"));
}

#[tokio::test]
async fn additional_and_custom_bindings_are_routes() {
    let mut stage = Stage::new().await;
    assert_eq!(
        routed(&mut stage, "GET", "/v1/pages/7/books").await,
        ("ListBooks".to_owned(), json!({"pages": 7}))
    );
    assert_eq!(routed(&mut stage, "LOCK", "/v1/books/a:lock").await.0, "SaveBook");
    assert_eq!(routed(&mut stage, "PURGE", "/v1/anything").await.0, "SaveBook");
}

#[tokio::test]
async fn an_unknown_path_is_404_in_json() {
    let stage = Stage::new().await;
    for path in [
        "/",
        "/v1",
        "/v1/book",
        "/v1/books/",
        "/v1/books/a/b",
        "/v1//books",
        "/v1/books:nothing",
    ] {
        let answer = stage.get(path).await;
        assert_eq!(
            answer.error(),
            (404, "NOT_FOUND".into(), "ROUTE_NOT_FOUND".into()),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_wrong_method_on_a_known_path_is_405_with_allow() {
    let stage = Stage::new().await;
    for (path, allow) in [
        ("/v1/books", "GET, HEAD, POST"),
        ("/v1/books/a", "GET, HEAD, PUT, DELETE"),
        ("/v1/watches", "POST"),
    ] {
        let answer = stage.client.send("PATCH", path, &[], "").await;
        assert_eq!(
            answer.error(),
            (405, "UNIMPLEMENTED".into(), "METHOD_NOT_ALLOWED".into()),
            "{path}"
        );
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let mut stage = Stage::with(|call| call.ok(json!({"title": "x"})).with("etag", "\"1\"")).await;
    let get = stage.get("/v1/books/a").await;
    let head = stage.client.send("HEAD", "/v1/books/a", &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert_eq!(
        head.header("content-length"),
        Some(get.body.len().to_string().as_str())
    );
    assert_eq!(head.header("etag"), Some("\"1\""));
    assert_eq!(stage.call().await.path, "/library.v1.Library/GetBook");
    let client = crate::client::Client::h2(stage.edge);
    for path in ["/v1/books/a", "/healthz"] {
        let head = client.send("HEAD", path, &[], "").await;
        assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""), "{path}");
    }
    let missing = stage.client.send("HEAD", "/v1/nothing", &[], "").await;
    assert_eq!((missing.status.as_u16(), missing.body.as_str()), (404, ""));
}

#[tokio::test]
async fn head_on_a_server_stream_is_405() {
    let stage = Stage::new().await;
    let answer = stage.client.send("HEAD", "/v1/books/a:watch", &[], "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET"));
    let rule =
        "http: {rules: [{selector: library.v1.Library.WatchBook, custom: {kind: '*', path: /v1/watch}}]}";
    let stage = Stage::with_config(Config {
        service_config: Some(rule.to_owned()),
        ..config()
    })
    .await;
    let answer = stage.client.send("HEAD", "/v1/watch", &[], "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(
        answer.header("allow"),
        Some("GET, POST, PUT, PATCH, DELETE, OPTIONS")
    );
}

#[tokio::test]
async fn a_broken_escape_is_refused_with_its_field() {
    let mut stage = Stage::new().await;
    for path in ["/v1/books/%zz", "/v1/books/%ff", "/v1/books/a%"] {
        let answer = stage.get(path).await;
        assert_eq!(
            answer.violations(),
            [("/name".into(), "INVALID_VALUE".into())],
            "{path}"
        );
    }
    assert!(stage.is_quiet());
}
