//! A server whose credentials for SQS are late: an instance's role can be had after the instance has started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use crate::consumer::Consumer;
use crate::process::{Process, command};
use crate::roles::{migrate, real_issuer, server};
use crate::world::{Rest, install_crypto, request};

/// What gives a container its role's credentials, once it may: its URL.
async fn role(is_ready: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/role", listener.local_addr().unwrap());
    let router = Router::new().fallback(credentials).with_state(is_ready);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn credentials(State(is_ready): State<Arc<AtomicBool>>) -> Response {
    if !is_ready.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let expiration = "2099-01-01T00:00:00Z";
    Json(json!({"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c", "Expiration": expiration}))
        .into_response()
}

#[tokio::test]
async fn a_server_without_credentials_takes_jobs_in_and_sends_them_later() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let (issuer, is_ready) = (real_issuer().await, Arc::new(AtomicBool::new(false)));
    let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
    let consumer = Consumer::create(&sqs.address).await;
    migrate(folder.path()).await;
    // The same endpoint, by an address that made-up credentials are not good enough for.
    let endpoint = sqs.address.replace("127.0.0.1", "0.0.0.0");
    let mut server = server(folder.path(), &endpoint, &issuer);
    server.env("AWS_REGION", "eu-west-1").env(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        role(Arc::clone(&is_ready)).await,
    );
    let server = Process::start(server, "grpc").await;

    let token = issuer.token("acme", None, Duration::from_hours(1)).unwrap();
    let upstream = format!("http://{}", server.address);
    let edge = Process::start(command(folder.path(), &["edge", "--upstream", &upstream]), "edge").await;
    let job = Rest::new(&edge.address, &token).submit(&request("r-1")).await;
    is_ready.store(true, Ordering::SeqCst);
    assert_eq!(consumer.task().await.body["jobId"], job["jobId"]);
}
