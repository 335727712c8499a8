//! An SQS endpoint that refuses when it is told to, as AWS does, and counts what it is asked: a proxy before one that does not. It speaks the
//! JSON protocol.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// What is refused, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// An error of this name and status. The request is not passed on.
    Error(u16, &'static str),
    /// The request is done, and the answer is an error all the same.
    AnswerLost,
    /// Every second entry of a batch fails, and is not passed on.
    EverySecondEntry,
}

/// The way to an endpoint, until it is dropped.
#[derive(Debug)]
pub struct Queues {
    /// Where it is reached.
    pub address: SocketAddr,
    gate: Arc<Gate>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Gate {
    http: reqwest::Client,
    endpoint: String,
    refusals: Mutex<HashMap<&'static str, Refusal>>,
    /// Requests, by their actions.
    asked: Mutex<BTreeMap<String, usize>>,
    /// How many requests were refused, in whole or in part.
    refused: watch::Sender<usize>,
    /// Entries of batches that came while every second one was to fail.
    entries: Mutex<usize>,
}

impl Queues {
    /// The way to this endpoint.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(endpoint: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Gate {
            http: reqwest::Client::builder().no_proxy().build()?,
            endpoint: endpoint.to_owned(),
            refusals: Mutex::default(),
            asked: Mutex::default(),
            refused: watch::Sender::new(0),
            entries: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&gate));
        let serving = async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        };
        Ok(Self {
            address,
            gate,
            _serving: AbortOnDropHandle::new(tokio::spawn(serving)),
        })
    }

    /// From now on requests of this action, as `SendMessageBatch`, are refused.
    pub fn refuse(&self, action: &'static str, refusal: Refusal) {
        lock(&self.gate.refusals).insert(action, refusal);
    }

    /// From now on nothing is.
    pub fn allow(&self) {
        lock(&self.gate.refusals).clear();
    }

    /// How many requests came since the start, by their actions, refused ones included.
    #[must_use]
    pub fn asked(&self) -> BTreeMap<String, usize> {
        lock(&self.gate.asked).clone()
    }

    /// Returns once so many requests have been refused since the start.
    pub async fn refused(&self, count: usize) {
        // The sender lives as long as this does.
        let _ = self
            .gate
            .refused
            .subscribe()
            .wait_for(|refused| *refused >= count)
            .await;
    }
}

async fn answer(State(gate): State<Arc<Gate>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    *lock(&gate.asked).entry(action(&headers).to_owned()).or_default() += 1;
    let refusal = lock(&gate.refusals).get(action(&headers)).copied();
    if refusal.is_some() {
        gate.refused.send_modify(|refused| *refused += 1);
    }
    match refusal {
        None => gate.forward(&uri, headers, body).await,
        Some(Refusal::Error(status, name)) => error(status, name),
        Some(Refusal::AnswerLost) => {
            gate.forward(&uri, headers, body).await;
            error(500, "InternalFailure")
        }
        Some(Refusal::EverySecondEntry) => gate.forward_some(&uri, headers, &body).await,
    }
}

impl Gate {
    async fn forward(&self, uri: &Uri, mut headers: HeaderMap, body: Bytes) -> Response {
        // The Host header stays: queue URLs lead back through here. The length is that of the body that is sent now.
        headers.remove(header::CONTENT_LENGTH);
        let request = self
            .http
            .post(format!("{}{uri}", self.endpoint))
            .headers(headers)
            .body(body);
        let Ok(answer) = request.send().await else {
            return error(503, "ServiceUnavailable");
        };
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        match answer.bytes().await {
            Ok(body) => (status, headers, body).into_response(),
            Err(_cut) => error(503, "ServiceUnavailable"),
        }
    }

    async fn forward_some(&self, uri: &Uri, headers: HeaderMap, body: &Bytes) -> Response {
        let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(entries) = request["Entries"].as_array_mut() else {
            return error(400, "SerializationException");
        };
        let (taken, failed) = self.divide(std::mem::take(entries));
        let failed: Vec<_> = failed
            .iter()
            .map(|entry| json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError", "Message": "try again"}))
            .collect();
        if taken.is_empty() {
            return json_answer(StatusCode::OK, &json!({"Successful": [], "Failed": failed}));
        }
        *entries = taken;
        let answer = self.forward(uri, headers, request.to_string().into()).await;
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let mut answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        answer["Failed"] = failed.into();
        json_answer(parts.status, &answer)
    }

    fn divide(&self, entries: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
        let mut count = lock(&self.entries);
        entries.into_iter().partition(|_| {
            *count += 1;
            count.is_multiple_of(2)
        })
    }
}

/// What a request asks for.
fn action(headers: &HeaderMap) -> &str {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    target
        .and_then(|target| target.rsplit('.').next())
        .unwrap_or_default()
}

fn error(status: u16, name: &str) -> Response {
    let body = json!({"__type": format!("com.amazonaws.sqs#{name}"), "message": "refused by the test"});
    json_answer(StatusCode::from_u16(status).unwrap_or_default(), &body)
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (status, headers, body.to_string()).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
