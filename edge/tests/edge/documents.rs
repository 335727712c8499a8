//! What an edge says of its own API: the OpenAPI document, the page, the descriptor set.

use bytes::Bytes;
use postern_edge::{Config, Documents, Security, upstream};
use prost_reflect::DescriptorPool;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client};
use crate::stage::{descriptor_set_of, listen};

const PATHS: [&str; 3] = ["/openapi.json", "/docs", "/descriptors.binpb"];

/// An edge with nothing behind: the documents need nothing.
struct Edge {
    client: Client,
    _servers: JoinSet<()>,
}

impl Edge {
    async fn new(config: Config) -> Self {
        let channel = upstream::channel("http://127.0.0.1:1").unwrap();
        let edge = config.build(channel).unwrap();
        let mut servers = JoinSet::new();
        let address = listen(&mut servers, edge, CancellationToken::new()).await;
        Self {
            client: Client::new(address),
            _servers: servers,
        }
    }

    async fn gallery() -> Self {
        Self::new(gallery()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.client.get(path, &[]).await
    }
}

fn gallery() -> Config {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut compiler =
        protox::Compiler::new([format!("{root}/tests/edge"), format!("{root}/../proto")]).unwrap();
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file("gallery.proto").unwrap();
    Config {
        descriptor_set: compiler.encode_file_descriptor_set().into(),
        documents: Some(Documents {
            title: "Gallery".to_owned(),
            version: "1.2.3".to_owned(),
            description: "Paintings for `everybody`.".to_owned(),
            security: Security::Bearer,
        }),
        ..Config::default()
    }
}

#[tokio::test]
async fn the_openapi_document_says_what_the_routes_are() {
    let answer = Edge::gallery().await.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    insta::assert_snapshot!("gallery_openapi", answer.body);
}

#[tokio::test]
async fn posterns_own_api_is_documented() {
    let config = Config {
        descriptor_set: Bytes::from_static(postern_proto::DESCRIPTOR_SET),
        ..Config::default()
    };
    let answer = Edge::new(config).await.get("/openapi.json").await;
    insta::assert_snapshot!("postern_openapi", answer.body);
}

#[tokio::test]
async fn the_document_is_the_same_whenever_it_is_made() {
    let first = Edge::gallery().await.get("/openapi.json").await;
    let second = Edge::gallery().await.get("/openapi.json").await;
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("etag"), second.header("etag"));
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = Edge::gallery().await.get("/openapi.json").await.json();
    let mut count = 0;
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            count += 1;
        }
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(values) => open.extend(values.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(count > 20, "{count}");
}

#[tokio::test]
async fn the_descriptor_set_is_served_as_it_was_given() {
    let config = gallery();
    let set = config.descriptor_set.clone();
    let edge = Edge::new(config).await;
    let response = edge
        .client
        .open("GET", "/descriptors.binpb", &[], Bytes::new())
        .await;
    assert_eq!(response.headers()["content-type"], "application/protobuf");
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    let body = body.to_bytes();
    assert_eq!(body, set);
    assert!(
        DescriptorPool::decode(body)
            .unwrap()
            .get_service_by_name("gallery.v1.Gallery")
            .is_some()
    );
}

#[tokio::test]
async fn what_the_caller_has_already_is_304() {
    let edge = Edge::gallery().await;
    for path in PATHS {
        let response = edge.client.open("GET", path, &[], Bytes::new()).await;
        let etag = response.headers()["etag"].to_str().unwrap().to_owned();
        let again = edge.client.get(path, &[("if-none-match", &etag)]).await;
        assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(etag.as_str()));
    }
}

#[tokio::test]
async fn documents_are_read_and_nothing_else() {
    let edge = Edge::gallery().await;
    for path in PATHS {
        let head = edge.client.send("HEAD", path, &[], "").await;
        assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""), "{path}");
        assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 1_000);
        let put = edge.client.send("PUT", path, &[], "").await;
        assert_eq!(
            put.error(),
            (405, "UNIMPLEMENTED".to_owned(), "METHOD_NOT_ALLOWED".to_owned())
        );
        assert_eq!(put.header("allow"), Some("GET, HEAD"));
    }
}

#[tokio::test]
async fn a_route_wins_over_a_document() {
    let config = Config {
        descriptor_set: descriptor_set_of(&["get: '/docs'", "post: '/{a}' body: '*'"]),
        ..Config::default()
    };
    let edge = Edge::new(config).await;
    assert_eq!(
        edge.get("/docs").await.status,
        503,
        "the upstream is asked, which is not there"
    );
    assert_eq!(
        edge.get("/openapi.json").await.status,
        405,
        "the path has another method"
    );
}

#[tokio::test]
async fn documents_can_be_left_out() {
    let config = Config {
        documents: None,
        ..gallery()
    };
    let edge = Edge::new(config).await;
    for path in PATHS {
        assert_eq!(edge.get(path).await.error().2, "ROUTE_NOT_FOUND", "{path}");
    }
}

#[tokio::test]
async fn a_set_without_comments_and_routes_is_documented_too() {
    let config = Config {
        descriptor_set: descriptor_set_of(&[]),
        ..Config::default()
    };
    let document = Edge::new(config).await.get("/openapi.json").await.json();
    assert_eq!(document["paths"], serde_json::json!({}));
    assert_eq!(document["security"], Value::Null);
}

#[tokio::test]
async fn the_page_is_whole_and_runs_nothing_of_anybody_elses() {
    let page = Edge::gallery().await.get("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    for outside in ["src=", "url(", "@import", "onclick", " style=", "href=\"http"] {
        assert!(!page.body.contains(outside), "{outside}");
    }
    for part in [
        "Shows paintings. Opens &lt;early&gt; &amp; closes &quot;late&quot;.",
        "<code>/v1/rooms/{roomsId}/paintings/{paintingsId}</code>",
        "<span class=\"method look\">LOOK</span>",
        "id=\"Gallery_HangPainting3\"",
        "As on the <code>frame</code>.",
        "id=\"schema-gallery.v1.Painting-Input\"",
        "gallery.v1.Gallery/WatchPainting",
        "Authorization: Bearer $TOKEN",
        "<span class=\"mark\">read only</span>",
        "<span class=\"mark\">write only</span>",
        "/v1/frames:try?painting=${PAINTING}&amp;frame.name=${FRAME_NAME}&amp;",
        "{&quot;painting&quot;: &quot;…&quot;, &quot;frame&quot;: {&quot;name&quot;: &quot;…&quot;, &quot;wood&quot;: &quot;…&quot;, &quot;order&quot;: &quot;…&quot;, &quot;isGilded&quot;: true}, &quot;requestId&quot;",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(!page.body.contains("damp"));
}
