//! An SQS endpoint with the two queues, tasks as the server would send them, outcomes as it would read them. Everything
//! that passes is held against the contract's schemas, and a test that leaves work behind fails.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use postern_localsqs::{Config, Endpoint};
use postern_worker::{Builder, Consumer, Handler, sqs_client};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::tap::Tap;

/// Until whatever a test waits for must have happened.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The queues, and what is needed to be their server.
pub(crate) struct Stack {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) jobs_url: String,
    results_url: String,
    schemas: Schemas,
    jobs: AtomicU32,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

struct Schemas {
    task: jsonschema::Validator,
    outcome: jsonschema::Validator,
}

/// A consumer that runs.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Stack {
    /// With a jobs queue of this visibility timeout.
    pub(crate) async fn start(visibility_seconds: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::open(Config::new(folder.path().join("sqs")))
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let serving = endpoint.serve(listener, shutdown.clone());
        let serving = tokio::spawn(async { serving.await.unwrap() });
        let client = sqs_client(Some(&url)).await;
        let jobs_url = create(&client, "postern-jobs", visibility_seconds).await;
        let results_url = create(&client, "postern-results", 30).await;
        let (schemas, jobs) = (Schemas::load(), AtomicU32::new(0));
        Self {
            folder,
            url,
            client,
            jobs_url,
            results_url,
            schemas,
            jobs,
            shutdown,
            serving,
        }
    }

    /// Runs a consumer whose SQS client has a tap.
    pub(crate) async fn run<H: Handler>(
        &self,
        handler: H,
        tap: &Tap,
        set: impl FnOnce(Builder) -> Builder,
    ) -> Running {
        self.run_with(self.client.clone(), handler, tap, set).await
    }

    /// The same with an SQS client of its own.
    pub(crate) async fn run_with<H: Handler>(
        &self,
        client: Client,
        handler: H,
        tap: &Tap,
        set: impl FnOnce(Builder) -> Builder,
    ) -> Running {
        let config = client.config().to_builder().interceptor(tap.clone()).build();
        let builder = Consumer::builder(Client::from_conf(config)).handler(handler);
        Running::start(set(builder).build().await.unwrap())
    }

    /// Sends a task as the server does: its job id.
    pub(crate) async fn submit(&self, job_type: &str, payload: &Value) -> String {
        self.submit_with(job_type, payload, json!({})).await
    }

    /// The same, with other members in its body.
    pub(crate) async fn submit_with(&self, job_type: &str, payload: &Value, changes: Value) -> String {
        let number = self.jobs.fetch_add(1, Ordering::Relaxed);
        let job_id = format!("job_0{number:025}");
        let mut task = json!({
            "jobId": job_id, "jobType": job_type, "jobTypeVersion": "1", "partnerId": "acme", "dispatch": 1,
            "deadline": "2100-01-01T00:00:00Z", "payload": payload, "payloadRef": null, "attachments": [],
            "labels": {}, "outcomeToken": format!("token-{number}"), "trace": {"traceparent": "", "tracestate": ""}
        });
        task.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        assert_valid(&self.schemas.task, &task);
        self.send(&task.to_string()).await;
        job_id
    }

    /// Has the results queue take messages of so many bytes and no more.
    pub(crate) async fn limit_outcomes(&self, bytes: u32) {
        let request = self.client.set_queue_attributes().queue_url(&self.results_url);
        let request = request.attributes(QueueAttributeName::MaximumMessageSize, bytes.to_string());
        request.send().await.unwrap();
    }

    /// Has the jobs queue hand a task out so often and no more.
    pub(crate) async fn limit_receives(&self, receives: u32) {
        create(&self.client, "postern-jobs-dlq", 30).await;
        let policy = json!({
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:postern-jobs-dlq", "maxReceiveCount": receives
        });
        let request = self.client.set_queue_attributes().queue_url(&self.jobs_url);
        let request = request.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        request.send().await.unwrap();
    }

    /// Puts a message on the jobs queue.
    pub(crate) async fn send(&self, body: &str) {
        let attribute = |value: &str| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .unwrap()
        };
        let request = self
            .client
            .send_message()
            .queue_url(&self.jobs_url)
            .message_body(body);
        let request = request.message_attributes("type", attribute("App\\Message\\Test"));
        request
            .message_attributes("Content-Type", attribute("application/json"))
            .send()
            .await
            .unwrap();
    }

    /// The next outcome.
    pub(crate) async fn outcome(&self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no outcome in time");
            let request = self
                .client
                .receive_message()
                .queue_url(&self.results_url)
                .wait_time_seconds(1);
            let answer = request.message_attribute_names("All").send().await.unwrap();
            let Some(message) = answer.messages.unwrap_or_default().pop() else {
                continue;
            };
            let receipt = message.receipt_handle.unwrap();
            self.client
                .delete_message()
                .queue_url(&self.results_url)
                .receipt_handle(receipt)
                .send()
                .await
                .unwrap();
            let attributes = message.message_attributes.unwrap();
            assert_eq!(
                attributes["Content-Type"].string_value(),
                Some("application/json")
            );
            let outcome = serde_json::from_str(&message.body.unwrap()).unwrap();
            assert_valid(&self.schemas.outcome, &outcome);
            return outcome;
        }
    }

    /// The next outcome of this kind; those before it are passed over.
    pub(crate) async fn outcome_that_is(&self, event: &str) -> Value {
        loop {
            let outcome = self.outcome().await;
            if outcome["event"] == event {
                return outcome;
            }
        }
    }

    /// Messages on the jobs queue: those to be received, and those that somebody has.
    pub(crate) async fn tasks(&self) -> (u32, u32) {
        depth(&self.client, &self.jobs_url).await
    }

    /// Waits until nothing is on the jobs queue.
    pub(crate) async fn until_no_tasks(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.tasks().await != (0, 0) {
            assert!(
                Instant::now() < deadline,
                "tasks are left: {:?}",
                self.tasks().await
            );
        }
    }

    /// Ends everything. Neither tasks nor outcomes must be left.
    pub(crate) async fn end(self) {
        assert_eq!(self.tasks().await, (0, 0), "tasks are left");
        self.end_with_tasks_left().await;
    }

    /// Ends everything. No outcomes must be left.
    pub(crate) async fn end_with_tasks_left(self) {
        assert_eq!(
            depth(&self.client, &self.results_url).await,
            (0, 0),
            "outcomes are left"
        );
        self.shutdown.cancel();
        timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

impl Running {
    pub(crate) fn start(consumer: Consumer) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(consumer.run(shutdown.clone()));
        Self { shutdown, task }
    }

    /// As at a shutdown.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.task)
            .await
            .expect("the consumer ends")
            .unwrap();
    }

    /// As a crash does: nothing more is sent.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

impl Schemas {
    fn load() -> Self {
        let compile = |text: &str| jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
        Self {
            task: compile(include_str!("../../../proto/messages/task.schema.json")),
            outcome: compile(include_str!("../../../proto/messages/outcome.schema.json")),
        }
    }
}

fn assert_valid(schema: &jsonschema::Validator, message: &Value) {
    let errors: Vec<_> = schema
        .iter_errors(message)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?} in {message}");
}

async fn create(client: &Client, name: &str, visibility_seconds: u32) -> String {
    let visibility = visibility_seconds.to_string();
    let request = client
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::VisibilityTimeout, visibility);
    request.send().await.unwrap().queue_url.unwrap()
}

async fn depth(client: &Client, queue_url: &str) -> (u32, u32) {
    let answer = client
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(QueueAttributeName::All)
        .send();
    let attributes = answer.await.unwrap().attributes.unwrap();
    let number = |name| attributes[&name].parse().unwrap();
    (
        number(QueueAttributeName::ApproximateNumberOfMessages),
        number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
    )
}
