//! The loops and the end of a server, against an SQS endpoint that does what a healthy one does not: it refuses single tasks, and hands a
//! message out once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use postern_server::Config;
use postern_server::auth;
use postern_server::catalog::{Catalog, Source};
use postern_server::collect::{Collect, Reader};
use postern_server::dispatch::Dispatch;
use postern_server::job::{Job, JobId, Operator, PartnerId, Timeouts, Timestamp};
use postern_server::listening::Listening;
use postern_server::queue::{self, Queues};
use postern_server::seal::Seal;
use postern_server::store::operator::PauseSubject;
use postern_server::store::{self, Change, Store, Submission, Trace};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Statement};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const JOB_TYPE: &str = "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\n";
const SOON: Duration = Duration::from_secs(30);

/// What the endpoint was asked, and what it is to answer.
#[derive(Default)]
struct Sqs {
    url: String,
    /// Bodies of tasks, in the order in which they were offered.
    offered: Mutex<Vec<String>>,
    /// When each was sent, and its body. Handed out once each, the last first.
    results: Mutex<Vec<(Timestamp, String)>>,
    /// Receipts of messages that were deleted.
    deleted: Mutex<Vec<String>>,
    changed: Notify,
}

impl Sqs {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            ..Self::default()
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&endpoint));
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        endpoint
    }

    fn config(&self) -> queue::Config {
        queue::Config {
            endpoint: Some(self.url.clone()),
            jobs: "jobs".to_owned(),
            results: "results".to_owned(),
        }
    }

    async fn queues(&self) -> Queues {
        queue::open(&self.config(), []).await.unwrap()
    }

    /// How often a task that holds this text was offered.
    fn count(&self, text: &str) -> usize {
        let offered = self.offered.lock().unwrap();
        offered.iter().filter(|body| body.contains(text)).count()
    }

    async fn until_offered(&self, text: &str) {
        let offered = async {
            loop {
                let changed = self.changed.notified();
                if self.count(text) > 0 {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(SOON, offered).await.unwrap();
    }

    fn send_batch(&self, request: &Value) -> Value {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in request["Entries"].as_array().unwrap() {
            let (id, body) = (&entry["Id"], entry["MessageBody"].as_str().unwrap());
            self.offered.lock().unwrap().push(body.to_owned());
            if body.contains("poison") {
                failed.push(json!({"Id": id, "SenderFault": true, "Code": "InvalidMessageContents"}));
            } else {
                successful.push(json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": ""}));
            }
        }
        self.changed.notify_waiters();
        json!({"Successful": successful, "Failed": failed})
    }

    async fn receive(&self) -> Value {
        let Some((sent, body)) = self.results.lock().unwrap().pop() else {
            return std::future::pending().await;
        };
        self.changed.notify_waiters();
        let attributes = json!({"SentTimestamp": sent.millis().to_string()});
        json!({"Messages": [{"MessageId": "m", "ReceiptHandle": body, "MD5OfBody": "", "Body": body, "Attributes": attributes}]})
    }

    fn delete(&self, request: &Value) -> Value {
        let receipts = request["Entries"].as_array().unwrap().iter();
        let receipts = receipts.map(|entry| entry["ReceiptHandle"].as_str().unwrap().to_owned());
        self.deleted.lock().unwrap().extend(receipts);
        self.changed.notify_waiters();
        json!({"Successful": [], "Failed": []})
    }

    async fn until_deleted(&self) -> Vec<String> {
        let deleted = async {
            loop {
                let changed = self.changed.notified();
                let deleted = self.deleted.lock().unwrap().clone();
                if !deleted.is_empty() {
                    return deleted;
                }
                changed.await;
            }
        };
        tokio::time::timeout(SOON, deleted).await.unwrap()
    }
}

async fn answer(State(endpoint): State<Arc<Sqs>>, headers: HeaderMap, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let action = headers["x-amz-target"].to_str().unwrap();
    let reply = match action.rsplit('.').next().unwrap() {
        "GetQueueUrl" => {
            json!({"QueueUrl": format!("{}/{}", endpoint.url, request["QueueName"].as_str().unwrap())})
        }
        "GetQueueAttributes" => json!({"Attributes": {"MaximumMessageSize": "1048576"}}),
        "SendMessageBatch" => endpoint.send_batch(&request),
        "ReceiveMessage" => endpoint.receive().await,
        "DeleteMessageBatch" => endpoint.delete(&request),
        other => json!({"__type": other}),
    };
    Json(reply).into_response()
}

fn catalog() -> Catalog {
    Catalog::load(&Source::Files(vec![("a.b.yaml".to_owned(), JOB_TYPE.into())])).unwrap()
}

struct World {
    store: Store,
    url: String,
    seal: Seal,
    catalog: Arc<Catalog>,
    endpoint: Arc<Sqs>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&store::Config::new(&url)).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            url,
            seal: Seal::parse(&Seal::generate().unwrap()).unwrap(),
            catalog: Arc::new(catalog()),
            endpoint: Sqs::start().await,
            _folder: folder,
        }
    }

    fn reader(&self) -> Reader {
        Reader {
            catalog: Arc::clone(&self.catalog),
            seal: self.seal.clone(),
        }
    }

    async fn submit(&self, payload: &str) -> JobId {
        self.submit_as("a.b", payload).await
    }

    async fn submit_as(&self, job_type: &str, payload: &str) -> JobId {
        self.submit_for("acme", job_type, payload).await
    }

    async fn submit_for(&self, partner: &str, job_type: &str, payload: &str) -> JobId {
        let now = Timestamp::now();
        let timeouts = Timeouts {
            queue_millis: 1_000_000,
            execution_millis: 1_000_000,
            retention_millis: 1_000_000,
        };
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let mut job = Job::new(id, PartnerId::new(partner), timeouts, now);
        job.job_type = job_type.to_owned();
        let submission = Submission {
            job,
            payload: json!({ "a": payload }).to_string(),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        };
        self.store.partner().submit(&submission).await.unwrap();
        id
    }

    async fn job(&self, id: JobId) -> Job {
        let found = self.store.partner().get(&PartnerId::new("acme"), id).await;
        found.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_task_that_the_queue_refuses_holds_up_no_other() {
    let (world, shutdown) = (World::new().await, CancellationToken::new());
    let dispatch = Dispatch {
        store: world.store.clone(),
        jobs: world.endpoint.queues().await.jobs,
        catalog: Arc::clone(&world.catalog),
        seal: world.seal.clone(),
        meters: Default::default(),
    };
    let running = tokio::spawn(dispatch.run(shutdown.clone()));
    world.submit("poison").await;
    world.endpoint.until_offered("poison").await;
    for number in 0..5 {
        let text = format!("good-{number}");
        world.submit(&text).await;
        world.endpoint.until_offered(&text).await;
    }
    // Rounds that failed for its sake would have offered it again each time, and waited longer each time.
    assert_eq!(world.endpoint.count("poison"), 1);
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn what_is_paused_is_not_sent_until_it_is_resumed_and_then_at_once() {
    let (world, shutdown) = (World::new().await, CancellationToken::new());
    let (operator, jane) = (world.store.operator(), Operator::new("jane"));
    let subject = PauseSubject::Partner(PartnerId::new("globex"));
    let paused = operator.pause(&jane, &subject, "r", Timestamp::now()).await;
    assert!(paused.unwrap().is_some());
    world.submit_for("globex", "a.b", "paused").await;
    world.submit("good").await;
    let dispatch = Dispatch {
        store: world.store.clone(),
        jobs: world.endpoint.queues().await.jobs,
        catalog: Arc::clone(&world.catalog),
        seal: world.seal.clone(),
        meters: Default::default(),
    };
    let running = tokio::spawn(dispatch.run(shutdown.clone()));
    world.endpoint.until_offered("good").await;
    assert_eq!(world.endpoint.count("paused"), 0);
    let resumed = operator.resume(&jane, &subject, "r", Timestamp::now()).await;
    resumed.unwrap();
    let began = Instant::now();
    world.endpoint.until_offered("paused").await;
    // Not only when it looks again by itself.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    shutdown.cancel();
    running.await.unwrap();
}

/// It was taken in under a catalog that had it.
#[tokio::test]
async fn a_task_whose_job_type_is_gone_waits_and_holds_up_no_other() {
    let (world, shutdown) = (World::new().await, CancellationToken::new());
    let orphan = world.submit_as("gone", "orphan").await;
    world.submit("good").await;
    let dispatch = Dispatch {
        store: world.store.clone(),
        jobs: world.endpoint.queues().await.jobs,
        catalog: Arc::clone(&world.catalog),
        seal: world.seal.clone(),
        meters: Default::default(),
    };
    let running = tokio::spawn(dispatch.run(shutdown.clone()));
    world.endpoint.until_offered("good").await;
    world.submit("better").await;
    world.endpoint.until_offered("better").await;
    assert_eq!(world.endpoint.count("orphan"), 0);
    assert!(!world.job(orphan).await.state.is_terminal());
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn an_outcome_outlives_an_outage_of_the_database_without_being_received_again() {
    let (world, shutdown) = (World::new().await, CancellationToken::new());
    let job = world.submit("a").await;
    let token = world.seal.outcome_token(job, 1);
    let outcome = json!({"outcomeToken": token, "event": "SUCCEEDED"});
    let message = (Timestamp::now(), outcome.to_string());
    world.endpoint.results.lock().unwrap().push(message);
    let mut options = ConnectOptions::new(&world.url);
    options.max_connections(1);
    let other = sea_orm::Database::connect(options).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();

    let received = world.endpoint.changed.notified();
    let collect = Collect {
        store: world.store.clone(),
        results: world.endpoint.queues().await.results,
        reader: world.reader(),
        listening: Listening::new(Timestamp::now()),
        meters: Default::default(),
    };
    let changes = &mut world.store.signals().changes();
    let running = tokio::spawn(collect.run(shutdown.clone()));
    tokio::time::timeout(SOON, received).await.unwrap();
    // Writers queue for their one connection: when the second of these has failed, so has the loop's attempt.
    for _ in 0..2 {
        let failed = world.store.system().release(&[], Timestamp::now()).await;
        assert!(matches!(failed, Err(store::Error::Unavailable(_))));
    }
    other.execute_unprepared("ROLLBACK").await.unwrap();
    let changed = tokio::time::timeout(SOON, changes.recv()).await;
    assert_eq!(
        changed.unwrap().unwrap(),
        Change::Of(world.job(job).await.partner, job)
    );
    assert!(world.job(job).await.state.is_terminal());
    shutdown.cancel();
    running.await.unwrap();
}

/// It may be faster than its job on the way to this replica; or the job was deleted.
#[tokio::test]
async fn an_outcome_whose_job_is_not_there_waits_a_minute_and_is_quarantined() {
    let (world, shutdown) = (World::new().await, CancellationToken::new());
    let outcome = |millis| {
        let token = world.seal.outcome_token(JobId::new(millis), 1);
        json!({"outcomeToken": token, "event": "SUCCEEDED"}).to_string()
    };
    let (old, young) = (outcome(1), outcome(2));
    let now = Timestamp::now();
    *world.endpoint.results.lock().unwrap() = vec![
        (now.plus_millis(-61_000), old.clone()),
        (now.plus_millis(-30_000), young),
    ];
    let collect = Collect {
        store: world.store.clone(),
        results: world.endpoint.queues().await.results,
        reader: world.reader(),
        listening: Listening::new(now),
        meters: Default::default(),
    };
    let running = tokio::spawn(collect.run(shutdown.clone()));
    assert_eq!(world.endpoint.until_deleted().await, [old]);
    shutdown.cancel();
    running.await.unwrap();
    let database = sea_orm::Database::connect(&world.url).await.unwrap();
    let select = Statement::from_string(
        database.get_database_backend(),
        "SELECT reason FROM quarantine".to_owned(),
    );
    let kept = database.query_all_raw(select).await.unwrap();
    let reasons: Vec<String> = kept
        .iter()
        .map(|row| row.try_get("", "reason").unwrap())
        .collect();
    assert_eq!(reasons, ["no such job"]);
}

#[tokio::test]
async fn a_watch_of_the_servers_health_does_not_hold_its_end_up() {
    let (world, shutdown) = (World::new().await, CancellationToken::new());
    let config = Config {
        store: store::Config::new(format!("{}-2", world.url)),
        migrate: true,
        queues: world.endpoint.config(),
        catalog: catalog(),
        auth: auth::Config {
            // Nobody asks for a key.
            issuers: vec![world.endpoint.url.clone()],
            ..auth::Config::default()
        },
        seal: world.seal.clone(),
    };
    let server = config.build(shutdown.clone()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let running = tokio::spawn(server.run(listener));
    let mut health = HealthClient::new(Endpoint::from_shared(address).unwrap().connect().await.unwrap());
    let watch = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watch = watch.into_inner();
    assert!(watch.message().await.unwrap().is_some());

    let began = Instant::now();
    shutdown.cancel();
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
    running.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
