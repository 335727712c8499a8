//! The consumer SDK and the server: its work service, asked before a task begins, heartbeats, cancellation, and all of it missing; and what a consumer
//! does by itself, as the server sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postern_worker::{
    ClientCredentials, Code, Consumer, Context, Failure, Handler, Policy, Task, Tokens, sqs_client,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::world::{Rest, SOON, World, request};

/// Works until the test lets it end, or until it is asked to stop.
#[derive(Clone, Default)]
struct Patient {
    begun: Arc<Notify>,
    finish: Arc<Notify>,
    stopped: Arc<Notify>,
}

impl Handler for Patient {
    const JOB_TYPE: &'static str = "contacts.import";
    type Payload = Value;
    type Output = ();

    async fn handle(&self, _task: Task<Value>, context: &Context) -> Result<(), Failure> {
        self.begun.notify_one();
        tokio::select! {
            () = self.finish.notified() => Ok(()),
            () = context.cancellation().cancelled() => {
                self.stopped.notify_one();
                Err(Failure::cancelled())
            }
        }
    }
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(world: &World, patient: &Patient, edge_url: &str, tokens: impl Tokens) -> Self {
        let client = sqs_client(Some(&world.stack.addresses.sqs)).await;
        let consumer = Consumer::builder(client)
            .handler(patient.clone())
            .work_service(edge_url, tokens)
            .heartbeat_interval(Duration::from_millis(50))
            .build()
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(consumer.run(stop.clone()));
        Self { stop, task }
    }

    /// With what a worker has in production.
    async fn with_credentials(world: &World, patient: &Patient) -> Self {
        let tokens = ClientCredentials::new(world.url("/oauth2/token"), "worker", "worker-secret");
        Self::start(world, patient, &world.url(""), tokens).await
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(SOON, self.task).await.unwrap().unwrap();
    }
}

async fn soon(notify: &Notify) {
    timeout(SOON, notify.notified())
        .await
        .expect("it does not happen");
}

async fn cancel(rest: &Rest, id: &str) {
    let answer = rest.post(&format!("/v1/jobs/{id}:cancel"), &json!({})).await;
    assert_eq!(
        (answer.status, &answer.body["cancelRequested"]),
        (200, &json!(true))
    );
}

#[tokio::test]
async fn a_cancellation_reaches_the_handler_and_what_it_stopped_is_cancelled() {
    let world = World::start().await;
    let (rest, patient) = (world.rest("acme"), Patient::default());
    let running = Running::with_credentials(&world, &patient).await;
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    rest.until(id, "JOB_STATE_RUNNING").await;
    cancel(&rest, id).await;
    rest.until(id, "JOB_STATE_CANCELLED").await;
    // The start was told to the server, and by no message besides.
    let events = world.sql("SELECT event_id FROM outcome_events").await;
    assert!(
        matches!(events.as_slice(), [only] if only.ends_with("-CANCELLED")),
        "{events:?}"
    );
    running.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn heartbeats_move_the_deadline_of_a_handler_that_tells_nothing() {
    let world = World::start().await;
    let (rest, patient) = (world.rest("acme"), Patient::default());
    let running = Running::with_credentials(&world, &patient).await;
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let mut began = rest.until(id, "JOB_STATE_RUNNING").await;
    let deadline = began["deadline"].take();
    let moved = async {
        loop {
            let mut now = rest.get(&format!("/v1/jobs/{id}")).await.body;
            if now["deadline"].take() != deadline {
                return now;
            }
        }
    };
    let now = timeout(SOON, moved).await.unwrap();
    assert_eq!(now, began, "a deadline is no revision");
    patient.finish.notify_one();
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    running.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_task_that_was_cancelled_on_its_way_is_dropped_before_its_handler_runs() {
    let world = World::start().await;
    let (rest, patient) = (world.rest("acme"), Patient::default());
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let consumer = world.consumer().await;
    let task = consumer.receive().await.unwrap();
    cancel(&rest, id).await;
    consumer.give_back(&task).await;
    let running = Running::with_credentials(&world, &patient).await;
    rest.until(id, "JOB_STATE_CANCELLED").await;
    let dropped = async { while consumer.count(&consumer.jobs).await > 0 {} };
    timeout(SOON, dropped).await.unwrap();
    assert!(
        timeout(Duration::ZERO, patient.begun.notified()).await.is_err(),
        "the handler ran"
    );
    let history = world.sql("SELECT kind FROM job_events ORDER BY number").await;
    assert_eq!(history.last().unwrap(), "cancelled");
    running.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_handler_whose_job_has_ended_meanwhile_is_asked_to_stop_and_tells_nothing_late() {
    let world = World::start().await;
    let (rest, patient) = (world.rest("acme"), Patient::default());
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let consumer = world.consumer().await;
    let other = consumer.receive().await.unwrap();
    consumer.give_back(&other).await;
    let running = Running::with_credentials(&world, &patient).await;
    rest.until(id, "JOB_STATE_RUNNING").await;
    consumer.send(&other.outcome("SUCCEEDED")).await;
    soon(&patient.stopped).await;
    running.stop().await;
    consumer.settled().await;
    assert_eq!(consumer.count(&consumer.jobs).await, 0);
    let history = world.sql("SELECT kind FROM job_events ORDER BY number").await;
    assert_eq!(history.last().unwrap(), "succeeded", "{history:?}");
    world.stop().await;
}

/// Two beats: the second comes after the answer to the first was heeded.
async fn two_heartbeats(rest: &Rest, id: &str) {
    let path = format!("/v1/jobs/{id}");
    let beats = async {
        let mut deadline = rest.get(&path).await.body["deadline"].take();
        for _ in 0..2 {
            let before = deadline.clone();
            while deadline == before {
                deadline = rest.get(&path).await.body["deadline"].take();
            }
        }
    };
    timeout(SOON, beats).await.expect("the heart beats");
}

#[tokio::test]
async fn an_import_that_is_asked_to_stop_inserts_nothing() {
    use sqlx::Connection as _;
    let world = World::start().await;
    let rest = world.rest("acme");
    let client = sqs_client(Some(&world.stack.addresses.sqs)).await;
    let shards = &world.stack.addresses.shards;
    let tokens = ClientCredentials::new(world.url("/oauth2/token"), "worker", "worker-secret");
    let consumer = contacts_import::builder(client, "postern-jobs", "postern-results", shards)
        .work_service(world.url(""), tokens)
        .heartbeat_interval(Duration::from_millis(50));
    let stop = CancellationToken::new();
    let task = tokio::spawn(consumer.build().await.unwrap().run(stop.clone()));
    let running = Running { stop, task };
    let first = rest.submit(&request("r-1")).await;
    rest.until(first["jobId"].as_str().unwrap(), "JOB_STATE_SUCCEEDED")
        .await;

    // Another writer holds the second import up.
    let shard = format!("sqlite:{}", shards.join("a1.sqlite").display());
    let mut writer = sqlx::SqliteConnection::connect(&shard).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
    let mut body = request("r-2");
    body["payload"]["contacts"] = json!([{"email": "other@example.com", "name": "O"}]);
    let second = rest.submit(&body).await;
    let id = second["jobId"].as_str().unwrap();
    rest.until(id, "JOB_STATE_RUNNING").await;
    cancel(&rest, id).await;
    two_heartbeats(&rest, id).await;
    sqlx::query("ROLLBACK").execute(&mut writer).await.unwrap();
    rest.until(id, "JOB_STATE_CANCELLED").await;
    assert_eq!(contacts_import::count(shards).await.unwrap()["a1"], 1);
    running.stop().await;
    world.stop().await;
}

/// Gives what is no token until it is told so.
struct Stale {
    good: String,
    was_refused: AtomicBool,
}

impl Tokens for Stale {
    async fn token(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        if self.was_refused.load(Ordering::SeqCst) {
            Ok(self.good.clone())
        } else {
            Ok("stale".to_owned())
        }
    }

    fn refused(&self, token: &str) {
        assert_eq!(token, "stale");
        self.was_refused.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_for_anew() {
    let world = World::start().await;
    let (rest, patient) = (world.rest("acme"), Patient::default());
    let tokens = Stale {
        good: world.token("worker"),
        was_refused: AtomicBool::new(false),
    };
    let running = Running::start(&world, &patient, &world.url("/"), tokens).await;
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    rest.until(id, "JOB_STATE_RUNNING").await;
    cancel(&rest, id).await;
    rest.until(id, "JOB_STATE_CANCELLED").await;
    running.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn without_an_answer_of_the_work_service_all_goes_on() {
    let world = World::start().await;
    let (rest, patient) = (world.rest("acme"), Patient::default());
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let endpoint = world.url("/oauth2/token");
    let good = || ClientCredentials::new(&endpoint, "worker", "worker-secret");
    let elsewhere = world.url("/nothing/here");
    for (number, (edge_url, tokens)) in [
        (nowhere.as_str(), good()),
        (&elsewhere, good()),
        (
            &world.url(""),
            ClientCredentials::new(&endpoint, "worker", "wrong"),
        ),
        (
            &world.url(""),
            ClientCredentials::new(&nowhere, "worker", "worker-secret"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let running = Running::start(&world, &patient, edge_url, tokens).await;
        let job = rest.submit(&request(&format!("r-{number}"))).await;
        let id = job["jobId"].as_str().unwrap();
        rest.until(id, "JOB_STATE_RUNNING").await;
        patient.finish.notify_one();
        rest.until(id, "JOB_STATE_SUCCEEDED").await;
        running.stop().await;
    }
    world.stop().await;
}

/// Fails the first time that it gets a task.
struct Flaky;

impl Handler for Flaky {
    const JOB_TYPE: &'static str = "contacts.import";
    type Payload = Value;
    type Output = Value;

    async fn handle(&self, task: Task<Value>, _context: &Context) -> Result<Value, Failure> {
        match task.attempt {
            1 => Err(Failure::new(Code::Unavailable, "AWAY", "the database is away").retryable()),
            attempt => Ok(json!({ "attempt": attempt })),
        }
    }
}

#[tokio::test]
async fn a_failure_that_is_tried_again_here_costs_no_dispatch() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let client = sqs_client(Some(&world.stack.addresses.sqs)).await;
    let policy = Policy::new().retry_here(1, Duration::ZERO);
    let consumer = Consumer::builder(client).handler_with(Flaky, policy);
    let stop = CancellationToken::new();
    let task = tokio::spawn(consumer.build().await.unwrap().run(stop.clone()));
    let running = Running { stop, task };
    let job = rest.submit(&request("r-1")).await;
    let ended = rest
        .until(job["jobId"].as_str().unwrap(), "JOB_STATE_SUCCEEDED")
        .await;
    assert_eq!(
        (&ended["result"], &ended["dispatch"]),
        (&json!({"attempt": 2}), &json!(1))
    );
    running.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_job_whose_consumer_stops_is_not_cancelled_and_ends_at_the_next() {
    let world = World::start().await;
    let (rest, patient) = (world.rest("acme"), Patient::default());
    let start = async || {
        let client = sqs_client(Some(&world.stack.addresses.sqs)).await;
        let consumer = Consumer::builder(client)
            .handler(patient.clone())
            .drain_grace(Duration::ZERO);
        let stop = CancellationToken::new();
        let task = tokio::spawn(consumer.build().await.unwrap().run(stop.clone()));
        Running { stop, task }
    };
    let first = start().await;
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    soon(&patient.begun).await;
    first.stop().await;
    soon(&patient.stopped).await;
    let second = start().await;
    soon(&patient.begun).await;
    patient.finish.notify_one();
    let ended = rest.until(id, "JOB_STATE_SUCCEEDED").await;
    assert_eq!(ended["dispatch"], 1);
    second.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_the_url_of_an_edge_is_refused_at_the_start() {
    let world = World::start().await;
    let client = sqs_client(Some(&world.stack.addresses.sqs)).await;
    let tokens = ClientCredentials::new("any", "worker", "worker-secret");
    assert!(!format!("{tokens:?}").contains("secret"));
    let built = Consumer::builder(client)
        .handler(Patient::default())
        .work_service("127.0.0.1:8080", tokens)
        .build()
        .await;
    let error = built.unwrap_err().to_string();
    assert_eq!(
        error,
        "work service 127.0.0.1:8080: an http or https URL is needed"
    );
    world.stop().await;
}
