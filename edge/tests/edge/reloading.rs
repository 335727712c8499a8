//! Another descriptor set for a running edge, from a file or from the server itself.

use std::sync::Arc;

use bytes::Bytes;
use postern_edge::{Config, reflection, upstream};
use prost_reflect::DescriptorPool;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::stage::{config, descriptor_set, descriptor_set_of, library, listen};

#[tokio::test]
async fn another_set_or_config_is_served_from_the_next_call_on_and_a_bad_one_changes_nothing() {
    let mut servers = JoinSet::new();
    let (calls, _received) = mpsc::unbounded_channel();
    let library = library(Arc::new(|call| call.ok(json!({}))), calls);
    let behind = listen(&mut servers, library, CancellationToken::new()).await;
    let config = Config {
        descriptor_set: descriptor_set_of(&["get: '/made/{a}'"]),
        ..config()
    };
    let edge = config
        .build(upstream::channel(&format!("http://{behind}")).unwrap())
        .unwrap();
    let client = Client::new(listen(&mut servers, edge.clone(), CancellationToken::new()).await);
    assert_eq!(client.get("/v1/books/a", &[]).await.status, 404);
    edge.reload(descriptor_set(), None).unwrap();
    assert_eq!(client.get("/v1/books/a", &[]).await.status, 200);
    assert_eq!(client.get("/made/a", &[]).await.status, 404);
    let conflict = descriptor_set_of(&["get: '/made/{a}'", "get: '/made/{in.a}'"]);
    for bad in [Bytes::from_static(b"nonsense"), conflict] {
        edge.reload(bad, None).unwrap_err();
        assert_eq!(client.get("/v1/books/a", &[]).await.status, 200);
    }
    let rule = "http: {rules: [{selector: library.v1.Library.GetBook, get: '/v2/{name}'}]}";
    edge.reload(descriptor_set(), Some(rule)).unwrap();
    assert_eq!(client.get("/v2/a", &[]).await.status, 200);
    for bad in [
        "http: [",
        "http: {rules: [{selector: library.v1.Library.Get, get: '/v3'}]}",
    ] {
        edge.reload(descriptor_set(), Some(bad)).unwrap_err();
        assert_eq!(client.get("/v2/a", &[]).await.status, 200);
    }
    edge.reload(descriptor_set(), None).unwrap();
    assert_eq!(client.get("/v2/a", &[]).await.status, 404);
}

#[tokio::test]
async fn a_server_that_reflects_needs_no_file() {
    for is_v1 in [true, false] {
        let set = descriptor_set();
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(&set)
            .with_service_name("library.v1.Library");
        let routes = match is_v1 {
            true => tonic::service::Routes::new(builder.build_v1().unwrap()),
            false => tonic::service::Routes::new(builder.build_v1alpha().unwrap()),
        };
        let reflected = reflection::descriptor_set(routes).await.unwrap();
        let (pool, expected) = (
            DescriptorPool::decode(reflected.clone()).unwrap(),
            DescriptorPool::decode(set).unwrap(),
        );
        let names = |pool: &DescriptorPool| {
            let service = pool.get_service_by_name("library.v1.Library").unwrap();
            service
                .methods()
                .map(|method| method.name().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&pool), names(&expected));
        // With its options: the routes are there.
        let edge = Config {
            descriptor_set: reflected,
            ..config()
        };
        let edge = edge.build(tonic::service::Routes::default()).unwrap();
        let mut servers = JoinSet::new();
        let client = Client::new(listen(&mut servers, edge, CancellationToken::new()).await);
        assert_ne!(client.get("/v1/books/a", &[]).await.status, 404);
    }
}

#[tokio::test]
async fn a_server_that_does_not_reflect_says_so() {
    let error = reflection::descriptor_set(tonic::service::Routes::default())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            reflection::Error::Call {
                code: tonic::Code::Unimplemented,
                ..
            }
        ),
        "{error}"
    );
    let nobody = upstream::channel("http://127.0.0.1:1").unwrap();
    let error = reflection::descriptor_set(nobody).await.unwrap_err();
    assert!(
        matches!(
            error,
            reflection::Error::Call {
                code: tonic::Code::Unavailable,
                ..
            }
        ),
        "{error}"
    );
}
