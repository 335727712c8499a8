//! What the server asks of SQS, counted on the way there; and what filling requests costs those who come alone.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, SendMessageBatchRequestEntry};
use futures::future::join_all;
use postern_server::job::JobId;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::world::{Sqs, World};

const JOBS: usize = 2_000;
const CONSUMERS: usize = 4;

impl Sqs {
    /// A consumer that answers every task with these events, ten tasks at a time, until this many are done.
    async fn consume(&self, events: &[&str], count: &std::sync::atomic::AtomicUsize) {
        use std::sync::atomic::Ordering::Relaxed;
        let (jobs, results) = (self.url("jobs").await, self.url("results").await);
        while count.load(Relaxed) < JOBS {
            let tasks = self.receive("jobs", 1).await;
            for event in events {
                let outcomes = tasks.iter().enumerate().map(|(index, task)| {
                    let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
                    entry.message_body(outcome(task, event)).build().unwrap()
                });
                let outcomes: Vec<_> = outcomes.collect();
                if !outcomes.is_empty() {
                    let send = self.client.send_message_batch().queue_url(&results);
                    send.set_entries(Some(outcomes)).send().await.unwrap();
                }
            }
            let done = tasks.iter().enumerate().map(|(index, task)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
                let receipt = task.receipt_handle().unwrap();
                entry.receipt_handle(receipt).build().unwrap()
            });
            let done: Vec<_> = done.collect();
            count.fetch_add(done.len(), Relaxed);
            if !done.is_empty() {
                let delete = self.client.delete_message_batch().queue_url(&jobs);
                delete.set_entries(Some(done)).send().await.unwrap();
            }
        }
    }
}

fn outcome(task: &Message, event: &str) -> String {
    let task: Value = serde_json::from_str(task.body().unwrap()).unwrap();
    json!({"outcomeToken": task["outcomeToken"], "event": event}).to_string()
}

/// What was asked while so many jobs, which wait already, are executed.
async fn asked(events: &[&str]) -> BTreeMap<String, usize> {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[]).await);
    let config = sqs.linked();
    postern_server::queue::create(&config, []).await.unwrap();
    join_all((0..JOBS).map(|_| world.submit("usual"))).await;
    let queues = world.open(&sqs.counted()).await;
    world.dispatch(&queues);
    world.collect(&queues);
    let count = std::sync::atomic::AtomicUsize::new(0);
    join_all((0..CONSUMERS).map(|_| sqs.consume(events, &count))).await;
    world.until_all_ended(JOBS).await;
    world.stop().await;
    let asked = sqs.gate.asked();
    let all: usize = asked.values().sum();
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let per = |things: usize| all as f64 / things as f64;
    let (jobs, messages) = (per(JOBS), per(JOBS * (1 + events.len())));
    eprintln!("{events:?}: {jobs:.3} requests a job, {messages:.3} a message: {asked:?}");
    asked
}

/// Everything counts: sends, receives, deletes, and what is asked at the start.
#[tokio::test]
async fn under_load_a_job_with_one_outcome_costs_four_requests_in_ten_jobs() {
    let all: usize = asked(&["SUCCEEDED"]).await.values().sum();
    assert!(all <= JOBS * 4 / 10, "{all}");
}

#[tokio::test]
async fn under_load_a_message_costs_two_requests_in_ten_messages() {
    let all: usize = asked(&["STARTED", "SUCCEEDED"]).await.values().sum();
    assert!(all <= JOBS * 3 * 2 / 10, "{all}");
}

/// Its request is not filled: nothing else keeps coming. The least of many, since the machine has other things to do, too.
#[tokio::test]
async fn a_task_that_comes_alone_is_sent_at_once() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[]).await);
    let config = sqs.linked();
    postern_server::queue::create(&config, []).await.unwrap();
    let queues = world.open(&config).await;
    world.dispatch(&queues);
    let mut waits: Vec<Duration> = Vec::new();
    for _ in 0..20 {
        // The lull that is meant.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let job: JobId = world.submit("usual").await;
        let began = Instant::now();
        assert_eq!(sqs.tasks("jobs", 1).await, [job]);
        waits.push(began.elapsed());
    }
    world.stop().await;
    waits.sort_unstable();
    eprintln!(
        "from commit to consumer: median {:?}, longest {:?}",
        waits[10], waits[19]
    );
    assert!(waits[0] < Duration::from_millis(40), "{waits:?}");
}

/// Two requests in a row at most are not full: what came after a lull, and what followed it. Then there is a pause of 40 ms.
fn requests_max(elapsed: Duration) -> usize {
    2 * (usize::try_from(elapsed.as_millis()).unwrap() / 40 + 1)
}

#[tokio::test]
async fn while_more_tasks_keep_coming_their_requests_wait_for_them() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[]).await);
    postern_server::queue::create(&sqs.linked(), []).await.unwrap();
    let queues = world.open(&sqs.counted()).await;
    world.dispatch(&queues);
    let began = Instant::now();
    for _ in 0..300 {
        world.submit("usual").await;
    }
    sqs.tasks("jobs", 300).await;
    let max = requests_max(began.elapsed());
    world.stop().await;
    let sends = sqs.gate.asked()["SendMessageBatch"];
    eprintln!("{sends} of {max} sends");
    assert!(sends <= max, "{sends} of {max}");
}

#[tokio::test]
async fn while_more_outcomes_keep_coming_receives_wait_for_them() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[]).await);
    postern_server::queue::create(&sqs.linked(), []).await.unwrap();
    let queues = world.open(&sqs.counted()).await;
    world.collect(&queues);
    let (results, began) = (sqs.url("results").await, Instant::now());
    for _ in 0..300 {
        let send = sqs.client.send_message().queue_url(&results);
        send.message_body("{}").send().await.unwrap();
    }
    while queues.results.waiting().await.unwrap().messages > 0 {
        assert!(began.elapsed() < crate::SOON, "messages stay in the queue");
        tokio::task::yield_now().await;
    }
    let max = requests_max(began.elapsed()) + 300 / 10;
    world.stop().await;
    let asked = sqs.gate.asked();
    let (receives, deletes) = (asked["ReceiveMessage"], asked["DeleteMessageBatch"]);
    eprintln!("{receives} receives and {deletes} deletes of {max}");
    assert!(receives <= max, "{receives} of {max}");
    assert!(deletes <= receives, "{deletes} for {receives}");
}
