//! A proxy before an SQS endpoint that holds requests or answers back by action: how a test stops a server between two lines.

use std::collections::HashMap;
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
    fates: Mutex<HashMap<&'static str, Fate>>,
    arrived: Notify,
}

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is received and never answered, nor passed on.
    Held,
    /// It is passed on and never answered.
    Unanswered,
    /// It is passed on, and one answer says that it failed.
    AnswerLost,
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
            fates: Mutex::default(),
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
        self.fate(action, Fate::Held);
    }

    /// From now on requests of this action are passed on and never answered.
    pub(crate) fn hold_answers(&self, action: &'static str) {
        self.fate(action, Fate::Unanswered);
    }

    /// The next request of this action is passed on, and answered as if it had failed.
    pub(crate) fn lose_answer(&self, action: &'static str) {
        self.fate(action, Fate::AnswerLost);
    }

    fn fate(&self, action: &'static str, fate: Fate) {
        self.gate.fates.lock().unwrap().insert(action, fate);
    }

    pub(crate) fn release(&self) {
        self.gate.fates.lock().unwrap().clear();
    }

    /// Returns once a request has come that is not answered: held, or passed on.
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
    let fate = gate.fates.lock().unwrap().get(action.as_str()).copied();
    if fate == Some(Fate::Held) {
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
    match fate {
        None | Some(Fate::Held) => {}
        Some(Fate::Unanswered) => {
            gate.arrived.notify_one();
            return std::future::pending().await;
        }
        Some(Fate::AnswerLost) => {
            gate.fates.lock().unwrap().remove(action.as_str());
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let headers = answer.headers().clone();
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
