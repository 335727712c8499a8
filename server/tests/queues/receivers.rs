//! How many receive at once, against an endpoint that answers a receive when the test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use postern_server::queue;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::SOON;
use crate::world::World;

/// An endpoint whose receives wait to be answered.
struct Held {
    url: String,
    waiting: watch::Sender<usize>,
    answers: Semaphore,
    is_empty: AtomicBool,
}

impl Held {
    async fn start() -> Arc<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            waiting: watch::Sender::new(0),
            answers: Semaphore::new(0),
            is_empty: AtomicBool::new(false),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&endpoint));
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        endpoint
    }

    async fn receive(&self) -> serde_json::Value {
        self.waiting.send_modify(|waiting| *waiting += 1);
        self.answers.acquire().await.unwrap().forget();
        self.waiting.send_modify(|waiting| *waiting -= 1);
        let count = if self.is_empty.load(Ordering::SeqCst) {
            0
        } else {
            10
        };
        let message = |index| json!({"MessageId": format!("m-{index}"), "ReceiptHandle": "r", "MD5OfBody": "", "Body": "x"});
        json!({"Messages": (0..count).map(message).collect::<Vec<_>>()})
    }

    /// Returns once this many receives wait.
    async fn until_waiting(&self, count: usize) {
        let mut waiting = self.waiting.subscribe();
        let wait = waiting.wait_for(|waiting| *waiting == count);
        timeout(SOON, wait).await.unwrap().unwrap();
    }
}

async fn answer(State(endpoint): State<Arc<Held>>, headers: HeaderMap, body: String) -> Response {
    let action = headers["x-amz-target"].to_str().unwrap();
    let reply = match action.rsplit('.').next().unwrap() {
        "GetQueueUrl" => {
            let request: serde_json::Value = serde_json::from_str(&body).unwrap();
            json!({"QueueUrl": format!("{}/{}", endpoint.url, request["QueueName"].as_str().unwrap())})
        }
        "GetQueueAttributes" => json!({"Attributes": {"MaximumMessageSize": "1048576"}}),
        "ReceiveMessage" => endpoint.receive().await,
        _ => json!({"Successful": [], "Failed": []}),
    };
    Json(reply).into_response()
}

#[tokio::test]
async fn one_receives_while_little_comes_and_more_while_receives_come_full() {
    let (endpoint, mut world) = (Held::start().await, World::new(&[]).await);
    let config = queue::Config {
        endpoint: Some(endpoint.url.clone()),
        jobs: "jobs".to_owned(),
        results: "results".to_owned(),
    };
    let queues = world.open(&config).await;
    world.collect(&queues);
    for at_once in 1..=4 {
        endpoint.until_waiting(at_once).await;
        endpoint.answers.add_permits(1);
    }
    // There are no more than four.
    endpoint.until_waiting(4).await;
    endpoint.is_empty.store(true, Ordering::SeqCst);
    endpoint.answers.add_permits(4);
    endpoint.until_waiting(1).await;
    endpoint.answers.add_permits(1);
    endpoint.until_waiting(1).await;
    world.stop().await;
}
