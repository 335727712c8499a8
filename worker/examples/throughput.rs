//! How many tasks a second a consumer executes, and how many requests of SQS each takes: this SDK against a consumer that asks for everything one by
//! one, on the same endpoint, in turns. `make bench-worker`; the figures are those of handlers that do nothing, so of all that is not work.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on ends, and prints its figures"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use aws_sdk_sqs::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept};
use aws_sdk_sqs::types::{
    Message, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use postern_localsqs::{Config, Endpoint};
use postern_worker::{Client, Consumer, Context, Failure, Handler, Task, sqs_client};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const TASKS: u32 = 1_000;
const CONCURRENCY: usize = 32;
const ROUNDS: usize = 3;

/// What a round came to.
#[derive(Debug, Clone, Copy)]
struct Figures {
    tasks_a_second: f64,
    requests_a_task: f64,
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::open(Config::new(folder.path())).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = sqs_client(Some(&format!("http://{}", listener.local_addr().unwrap()))).await;
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(endpoint.serve(listener, shutdown.clone()));

    println!("{TASKS} tasks, {CONCURRENCY} at a time; tasks a second, requests a task");
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        plain.push(
            Round::prepare(&client, &format!("plain-{round}"))
                .await
                .one_by_one()
                .await,
        );
        ours.push(
            Round::prepare(&client, &format!("ours-{round}"))
                .await
                .sdk()
                .await,
        );
    }
    let (plain, ours) = (median(&plain), median(&ours));
    for (name, figures) in [("one by one", plain), ("postern-worker", ours)] {
        println!(
            "{name:>16} {:8.0} {:6.2}",
            figures.tasks_a_second, figures.requests_a_task
        );
    }
    println!(
        "{:>16} {:8.2} {:6.2}",
        "ratio",
        ours.tasks_a_second / plain.tasks_a_second,
        ours.requests_a_task / plain.requests_a_task
    );
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

fn median(rounds: &[Figures]) -> Figures {
    let middle = |of: fn(&Figures) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Figures {
        tasks_a_second: middle(|it| it.tasks_a_second),
        requests_a_task: middle(|it| it.requests_a_task),
    }
}

/// Counts the requests of a client.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<AtomicU32>);

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Queues of its own, the one full of tasks.
struct Round {
    client: Client,
    counter: Counter,
    jobs: String,
    results: String,
}

impl Round {
    async fn prepare(client: &Client, name: &str) -> Self {
        let counter = Counter::default();
        let config = client.config().to_builder().interceptor(counter.clone()).build();
        let jobs = create(client, &format!("{name}-jobs")).await;
        let results = create(client, &format!("{name}-results")).await;
        for batch in 0..TASKS / 10 {
            let entries = (0..10).map(|place| {
                let entry = SendMessageBatchRequestEntry::builder().id(place.to_string());
                entry
                    .message_body(task(batch * 10 + place).to_string())
                    .build()
                    .unwrap()
            });
            let request = client.send_message_batch().queue_url(&jobs);
            request.set_entries(Some(entries.collect())).send().await.unwrap();
        }
        Self {
            client: Client::from_conf(config),
            counter,
            jobs,
            results,
        }
    }

    async fn sdk(self) -> Figures {
        let (done, all_done) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        let handler = Nothing {
            done,
            all_done: all_done.clone(),
        };
        let builder = Consumer::builder(self.client.clone()).concurrency(CONCURRENCY);
        let builder = builder
            .jobs_queue(&self.jobs)
            .results_queue(&self.results)
            .handler(handler);
        let consumer = builder.build().await.unwrap();
        self.counter.0.store(0, Ordering::Relaxed);
        let began = Instant::now();
        consumer.run(all_done).await;
        self.figures(began).await
    }

    /// As a consumer does that was written in an afternoon, and well: received in batches, executed at the same time, told and deleted one by one.
    async fn one_by_one(self) -> Figures {
        let (places, mut running) = (Arc::new(Semaphore::new(CONCURRENCY)), JoinSet::new());
        let began = Instant::now();
        let mut received = 0;
        while received < TASKS {
            let free = i32::try_from(places.available_permits().clamp(1, 10)).unwrap();
            let request = self.client.receive_message().queue_url(&self.jobs);
            let request = request
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
                .max_number_of_messages(free);
            for message in request.send().await.unwrap().messages.unwrap_or_default() {
                received += 1;
                let place = Arc::clone(&places).acquire_owned().await.unwrap();
                let execution = execute(
                    self.client.clone(),
                    self.jobs.clone(),
                    self.results.clone(),
                    message,
                );
                running.spawn(async {
                    execution.await;
                    drop(place);
                });
            }
        }
        running.join_all().await;
        self.figures(began).await
    }

    async fn figures(self, began: Instant) -> Figures {
        let seconds = began.elapsed().as_secs_f64();
        let requests = self.counter.0.load(Ordering::Relaxed);
        assert_eq!(depth(&self.client, &self.jobs).await, 0);
        assert_eq!(depth(&self.client, &self.results).await, 2 * TASKS);
        Figures {
            tasks_a_second: f64::from(TASKS) / seconds,
            requests_a_task: f64::from(requests) / f64::from(TASKS),
        }
    }
}

async fn execute(client: Client, jobs: String, results: String, message: Message) {
    let task: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
    for event in ["STARTED", "SUCCEEDED"] {
        let outcome = json!({"outcomeToken": task["outcomeToken"], "event": event, "attempt": 1});
        let request = client.send_message().queue_url(&results);
        request.message_body(outcome.to_string()).send().await.unwrap();
    }
    let request = client.delete_message().queue_url(&jobs);
    request
        .receipt_handle(message.receipt_handle.unwrap())
        .send()
        .await
        .unwrap();
}

/// Counts the tasks, and says when they are all.
struct Nothing {
    done: Arc<AtomicU32>,
    all_done: CancellationToken,
}

impl Handler for Nothing {
    const JOB_TYPE: &'static str = "bench.nothing";
    type Payload = Value;
    type Output = ();

    async fn handle(&self, _task: Task<Value>, _context: &Context) -> Result<(), Failure> {
        if self.done.fetch_add(1, Ordering::Relaxed) + 1 == TASKS {
            self.all_done.cancel();
        }
        Ok(())
    }
}

fn task(number: u32) -> Value {
    json!({
        "jobId": format!("job_0{number:025}"), "jobType": "bench.nothing", "jobTypeVersion": "1", "partnerId": "acme",
        "dispatch": 1, "deadline": "2100-01-01T00:00:00Z", "payload": {}, "payloadRef": null, "attachments": [],
        "labels": {}, "outcomeToken": format!("token-{number}"), "trace": {"traceparent": "", "tracestate": ""}
    })
}

async fn create(client: &Client, name: &str) -> String {
    let answer = client.create_queue().queue_name(name).send().await.unwrap();
    answer.queue_url.unwrap()
}

/// Messages there are, those in flight included.
async fn depth(client: &Client, queue_url: &str) -> u32 {
    let request = client.get_queue_attributes().queue_url(queue_url);
    let answer = request
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap();
    let attributes = answer.attributes.unwrap();
    let count = |name| attributes[&name].parse::<u32>().unwrap();
    count(QueueAttributeName::ApproximateNumberOfMessages)
        + count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
}
