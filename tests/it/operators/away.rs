//! What comes back by itself: a server that is started anew, and a token that no longer counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::desk::{Desk, Ran, Running, id, submit};
use crate::process::{Process, command, output};
use crate::world::{Rest, World, request};

/// Tokens of the stack's issuer, by another address: the first has expired when it comes.
async fn issuer_of(world: &World) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let given = Arc::new(AtomicUsize::new(0));
    let (issuer, count) = (world.stack.issuer.clone(), Arc::clone(&given));
    let token = move || {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        let life = if first {
            Duration::ZERO
        } else {
            Duration::from_hours(1)
        };
        let token = issuer.token("operator", None, life).unwrap();
        std::future::ready(Json(json!({"access_token": token, "token_type": "Bearer"})))
    };
    let configuration = json!({"issuer": url, "token_endpoint": format!("{url}/token")});
    let configured = move || std::future::ready(Json::<Value>(configuration.clone()));
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(configured))
        .route("/token", post(token));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, given)
}

#[tokio::test]
async fn a_token_that_no_longer_counts_is_fetched_anew() {
    let world = World::start().await;
    let job = submit(&world.rest("acme"), "r-1").await;
    world.consumer().await.task().await;
    let (issuer, given) = issuer_of(&world).await;
    let mut list = Desk::new(&world).command(&["jobs", "list", "--json"]);
    list.env("POSTERN_ISSUER", issuer)
        .env("POSTERN_CLIENT_ID", "operator")
        .env("POSTERN_CLIENT_SECRET", "any");
    let ran = Ran::read(&output(&mut list).await);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(id(&ran.values()[0]["job"]), job);
    assert_eq!(given.load(Ordering::Relaxed), 2);
    world.stop().await;
}

#[tokio::test]
async fn whoever_watches_outlives_a_server_that_is_started_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::dev(folder.path(), None).await;
    let edge = first.address.clone();
    let address = edge.trim_start_matches("http://");
    let dev = || {
        let mut dev = command(folder.path(), &["dev", "--no-worker"]);
        dev.env("POSTERN_EDGE_LISTEN", address);
        dev
    };
    let token = async |client: &str| {
        let mut token = command(folder.path(), &["token", "--client", client]);
        let token = output(token.env("POSTERN_EDGE_LISTEN", address)).await.stdout;
        String::from_utf8(token).unwrap().trim().to_owned()
    };
    let rest = Rest::new(&edge, &token("acme").await);
    let job = id(&rest.submit(&request("r-1")).await);
    let mut watch = command(folder.path(), &["jobs", "watch", &job, "--json"]);
    watch
        .env("POSTERN_SERVER", &edge)
        .env("POSTERN_TOKEN", token("operator").await);
    let mut watch = Running::start(&mut watch);
    assert_eq!(id(&watch.next().await["job"]), job);

    first.kill().await;
    watch.remark().await;
    let second = Process::start(dev(), "edge").await;
    let cancelled = rest.post(&format!("/v1/jobs/{job}:cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    while watch.next().await["job"]["cancelRequested"] == false {}
    second.kill().await;
}
