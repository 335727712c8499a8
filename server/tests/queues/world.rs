//! An SQS endpoint, the way to it that counts and can break, a database, and what it takes to submit jobs of several types.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use postern_chaos::faults::{Link, Queues as Gate, Target};
use postern_localsqs::Endpoint;
use postern_server::catalog::{Catalog, Source};
use postern_server::collect::{Collect, Reader};
use postern_server::dispatch::Dispatch;
use postern_server::job::{Job, JobId, PartnerId, Timeouts, Timestamp};
use postern_server::listening::Listening;
use postern_server::queue::{self, Queues};
use postern_server::seal::Seal;
use postern_server::store::{self, Store, Submission, Trace};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SOON;

/// An endpoint, and two ways to it beside the direct one.
pub(super) struct Sqs {
    /// The direct way, for consumers.
    pub(super) client: Client,
    /// Counts what it is asked.
    pub(super) gate: Gate,
    /// Breaks when it is told to.
    pub(super) link: Link,
    _folder: tempfile::TempDir,
}

impl Sqs {
    pub(super) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let config = postern_localsqs::Config::new(folder.path());
        let endpoint = Endpoint::open(config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Ends with the test's runtime.
        tokio::spawn(endpoint.serve(listener, CancellationToken::new()));
        let url = format!("http://{address}");
        Self {
            client: client(&url),
            gate: Gate::start(&url).await.unwrap(),
            link: Link::start(Target::Tcp(address)).await.unwrap(),
            _folder: folder,
        }
    }

    /// Where the queues are, by the way that counts.
    pub(super) fn counted(&self) -> queue::Config {
        config(&format!("http://{}", self.gate.address))
    }

    /// Where the queues are, by the way that breaks.
    pub(super) fn linked(&self) -> queue::Config {
        config(&format!("http://{}", self.link.address))
    }

    pub(super) async fn url(&self, name: &str) -> String {
        let found = self.client.get_queue_url().queue_name(name).send().await;
        found.unwrap().queue_url.unwrap()
    }

    /// A queue without a dead-letter queue, or with this one.
    pub(super) async fn create(&self, name: &str, dead_letters: Option<&str>) {
        let mut create = self.client.create_queue().queue_name(name);
        if let Some(dead_letters) = dead_letters {
            let target = format!("arn:aws:sqs:us-east-1:000000000000:{dead_letters}");
            let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": 1});
            create = create.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        }
        create.send().await.unwrap();
    }

    pub(super) async fn receive(&self, name: &str, wait_seconds: i32) -> Vec<Message> {
        let receive = self.client.receive_message().queue_url(self.url(name).await);
        let receive = receive.max_number_of_messages(10).wait_time_seconds(wait_seconds);
        receive.send().await.unwrap().messages.unwrap_or_default()
    }

    /// The jobs of so many tasks that come in this queue.
    pub(super) async fn tasks(&self, name: &str, count: usize) -> Vec<JobId> {
        let deadline = Instant::now() + SOON;
        let mut jobs = Vec::new();
        while jobs.len() < count {
            assert!(
                Instant::now() < deadline,
                "of {count} tasks in {name} came {jobs:?}"
            );
            for message in self.receive(name, 1).await {
                let task: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                jobs.push(task["jobId"].as_str().unwrap().parse().unwrap());
            }
        }
        jobs
    }
}

/// A database, and job types with queues: of the type `usual` in the usual one, of each other type in the one that it is given with.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) seal: Seal,
    pub(super) shutdown: CancellationToken,
    pub(super) tasks: JoinSet<()>,
    url: String,
    _folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn new(job_types: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&store::Config::new(&url)).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            catalog: Arc::new(catalog(job_types)),
            seal: Seal::parse(&Seal::generate().unwrap()).unwrap(),
            shutdown: CancellationToken::new(),
            tasks: JoinSet::new(),
            url,
            _folder: folder,
        }
    }

    pub(super) async fn open(&self, config: &queue::Config) -> Queues {
        queue::open(config, self.catalog.queues()).await.unwrap()
    }

    pub(super) fn dispatch(&mut self, queues: &Queues) {
        let dispatch = Dispatch {
            store: self.store.clone(),
            jobs: queues.jobs.clone(),
            catalog: Arc::clone(&self.catalog),
            seal: self.seal.clone(),
            meters: Default::default(),
        };
        self.tasks.spawn(dispatch.run(self.shutdown.clone()));
    }

    pub(super) fn collect(&mut self, queues: &Queues) {
        let collect = Collect {
            store: self.store.clone(),
            results: queues.results.clone(),
            reader: Reader {
                catalog: Arc::clone(&self.catalog),
                seal: self.seal.clone(),
            },
            listening: Listening::new(Timestamp::now()),
            meters: Default::default(),
        };
        self.tasks.spawn(collect.run(self.shutdown.clone()));
    }

    pub(super) async fn submit(&self, job_type: &str) -> JobId {
        let now = Timestamp::now();
        let timeouts = Timeouts {
            queue_millis: 1_000_000,
            execution_millis: 1_000_000,
            retention_millis: 1_000_000,
        };
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let mut job = Job::new(id, PartnerId::new("acme"), timeouts, now);
        job.job_type = job_type.to_owned();
        let submission = Submission {
            job,
            payload: "{}".to_owned(),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        };
        self.store.partner().submit(&submission).await.unwrap();
        id
    }

    pub(super) async fn job(&self, id: JobId) -> Job {
        let found = self.store.partner().get(&PartnerId::new("acme"), id).await;
        found.unwrap().unwrap()
    }

    /// How many tasks were ever claimed.
    pub(super) async fn claimed(&self) -> i64 {
        self.count("claimed_dispatch > 0").await
    }

    /// Waits until so many jobs have ended.
    pub(super) async fn until_all_ended(&self, count: usize) {
        let deadline = Instant::now() + SOON;
        let mut changes = self.store.signals().changes();
        while self.count("end_time IS NOT NULL").await < i64::try_from(count).unwrap() {
            assert!(Instant::now() < deadline, "some jobs do not end");
            // Of many changes some are missed: the count decides.
            let _ = tokio::time::timeout(Duration::from_millis(100), changes.recv()).await;
        }
    }

    async fn count(&self, what: &str) -> i64 {
        let other = sea_orm::Database::connect(&self.url).await.unwrap();
        let count = format!("SELECT COUNT(*) AS n FROM jobs WHERE {what}");
        let count = Statement::from_string(other.get_database_backend(), count);
        let row = other.query_one_raw(count).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }

    pub(super) async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

fn catalog(job_types: &[(&str, &str)]) -> Catalog {
    let usual = [("usual", String::new())];
    let named = job_types
        .iter()
        .map(|(name, queue)| (*name, format!("queue: {queue}\n")));
    let files = usual.into_iter().chain(named).map(|(name, queue)| {
        let text =
            format!("name: {name}\nversion: \"1\"\nconsumer_type: X\nschema: {{type: object}}\n{queue}");
        (format!("{name}.yaml"), text.into_bytes())
    });
    Catalog::load(&Source::Files(files.collect())).unwrap()
}

fn config(endpoint: &str) -> queue::Config {
    queue::Config {
        endpoint: Some(endpoint.to_owned()),
        jobs: "jobs".to_owned(),
        results: "results".to_owned(),
    }
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}
