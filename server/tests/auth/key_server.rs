//! An issuer that answers what it is told to, counts how often it is asked, and can hold its answers back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use postern_issuer::SigningKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The issuer, to be told what to answer.
#[derive(Clone)]
pub(crate) struct KeyServer {
    pub(crate) url: String,
    script: Arc<Script>,
}

struct Script {
    configuration: Mutex<(StatusCode, String)>,
    keys: Mutex<(StatusCode, String)>,
    /// What is behind a redirect: keys that would do.
    moved: String,
    asked: AtomicUsize,
    open: watch::Sender<bool>,
}

impl KeyServer {
    /// An issuer with these keys, and what serves it.
    pub(crate) async fn new(keys: &[&SigningKey]) -> (Self, TcpListener, Router) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Script {
            configuration: Mutex::default(),
            keys: Mutex::default(),
            moved: key_set(keys),
            asked: AtomicUsize::new(0),
            open: watch::Sender::new(true),
        };
        let server = Self {
            url,
            script: Arc::new(script),
        };
        server.configure(&json!({}));
        server.publish(keys);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/jwks", get(jwks))
            .route("/moved", get(moved))
            .with_state(server.clone());
        (server, listener, router)
    }

    /// From now on the configuration has these members, too.
    pub(crate) fn configure(&self, change: &Value) {
        let mut configuration = json!({"issuer": self.url, "jwks_uri": format!("{}/jwks", self.url)});
        for (name, value) in change.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        *self.script.configuration.lock().unwrap() = (StatusCode::OK, configuration.to_string());
    }

    /// From now on these are the keys.
    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        self.answer(StatusCode::OK, &key_set(keys));
    }

    /// From now on this is what the key set's address answers.
    pub(crate) fn answer(&self, status: StatusCode, body: &str) {
        *self.script.keys.lock().unwrap() = (status, body.to_owned());
    }

    /// From now on there is no answer until [`Self::let_go`].
    pub(crate) fn hold(&self) {
        self.script.open.send_replace(false);
    }

    pub(crate) fn let_go(&self) {
        self.script.open.send_replace(true);
    }

    /// How often it was asked for its configuration, which comes before its keys.
    pub(crate) fn asked(&self) -> usize {
        self.script.asked.load(Ordering::SeqCst)
    }

    /// Waits until it has been asked so often.
    pub(crate) async fn asked_times(&self, times: usize) {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while self.asked() < times {
            assert!(
                std::time::Instant::now() < deadline,
                "asked {} times instead of {times}",
                self.asked()
            );
            tokio::task::yield_now().await;
        }
    }
}

async fn configuration(State(server): State<KeyServer>) -> impl IntoResponse {
    server.script.asked.fetch_add(1, Ordering::SeqCst);
    server
        .script
        .open
        .subscribe()
        .wait_for(|open| *open)
        .await
        .unwrap();
    server.script.configuration.lock().unwrap().clone()
}

async fn jwks(State(server): State<KeyServer>) -> impl IntoResponse {
    let (status, body) = server.script.keys.lock().unwrap().clone();
    (
        status,
        [(header::LOCATION, format!("{}/moved", server.url))],
        body,
    )
}

async fn moved(State(server): State<KeyServer>) -> String {
    server.script.moved.clone()
}

fn key_set(keys: &[&SigningKey]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({"keys": keys}).to_string()
}
