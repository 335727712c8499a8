//! A proxy before an SQS endpoint that holds requests back by action: how a test stops a server between two lines.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use postern_localsqs::Endpoint;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::world::http;

/// An SQS endpoint of its own, and the way to it.
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// The endpoint itself, past the proxy.
    pub(crate) direct: String,
    gate: Arc<Gate>,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

struct Gate {
    http: reqwest::Client,
    endpoint: String,
    held: Mutex<HashSet<&'static str>>,
    arrived: Notify,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        crate::world::install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::open(postern_localsqs::Config::new(folder.path()))
            .await
            .unwrap();
        let (inner, outer) = (
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        );
        let (direct, url) = (
            format!("http://{}", inner.local_addr().unwrap()),
            format!("http://{}", outer.local_addr().unwrap()),
        );
        let gate = Arc::new(Gate {
            http: http(),
            endpoint: direct.clone(),
            held: Mutex::default(),
            arrived: Notify::new(),
        });
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let stop = shutdown.clone();
        tasks.spawn(async move { endpoint.serve(inner, stop).await.unwrap() });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&gate));
        let stop = shutdown.clone();
        tasks.spawn(async move {
            tokio::select! {
                served = axum::serve(outer, router).into_future() => served.unwrap(),
                () = stop.cancelled() => {}
            }
        });
        Self {
            url,
            direct,
            gate,
            shutdown,
            tasks,
            _folder: folder,
        }
    }

    /// From now on requests of this action are received and never answered, nor passed on.
    pub(crate) fn hold(&self, action: &'static str) {
        self.gate.held.lock().unwrap().insert(action);
    }

    pub(crate) fn release(&self) {
        self.gate.held.lock().unwrap().clear();
    }

    /// Returns once a held request has come.
    pub(crate) async fn arrived(&self) {
        tokio::time::timeout(crate::world::SOON, self.gate.arrived.notified())
            .await
            .expect("no such request came");
    }

    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

async fn forward(State(gate): State<Arc<Gate>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let action = target.rsplit('.').next().unwrap_or_default().to_owned();
    let is_held = gate.held.lock().unwrap().contains(action.as_str());
    if is_held {
        gate.arrived.notify_one();
        return std::future::pending().await;
    }
    // The Host header stays: queue URLs lead back through the proxy.
    let answer = gate
        .http
        .post(format!("{}{uri}", gate.endpoint))
        .headers(headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let headers = answer.headers().clone();
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
