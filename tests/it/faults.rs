//! What partners notice while the way to SQS is bad: nothing. Submissions go on, the backlog drains, nothing is lost and nothing doubled.

mod database;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use postern_chaos::faults::{Link, Queues, Refusal, Target, Trouble};
use serde_json::json;

use crate::consumer::{Consumer, Task};
use crate::proxy::Proxy;
use crate::world::{Rest, World, request};

/// More than SQS takes at a time.
const JOBS: usize = 25;

/// A stack whose way to SQS leads through what a test can break, and a consumer that has its own.
struct Stage {
    world: World,
    rest: Rest,
    consumer: Consumer,
    sqs: Proxy,
}

impl Stage {
    async fn behind_link() -> (Self, Link) {
        let sqs = Proxy::start().await;
        let address = sqs.direct.trim_start_matches("http://").parse().unwrap();
        let link = Link::start(Target::Tcp(address)).await.unwrap();
        let url = format!("http://{}", link.address);
        (Self::start(sqs, url).await, link)
    }

    async fn behind_queues() -> (Self, Queues) {
        let sqs = Proxy::start().await;
        let queues = Queues::start(&sqs.direct).await.unwrap();
        let url = format!("http://{}", queues.address);
        (Self::start(sqs, url).await, queues)
    }

    async fn start(sqs: Proxy, url: String) -> Self {
        let world = World::start_with(|settings| settings.sqs_endpoint = Some(url)).await;
        Self {
            rest: world.rest("acme"),
            consumer: Consumer::connect(&sqs.direct).await,
            world,
            sqs,
        }
    }

    /// So many jobs, at once, each acknowledged.
    async fn submit(&self, count: usize) -> Vec<String> {
        self.submit_as("r", count).await
    }

    async fn submit_as(&self, name: &str, count: usize) -> Vec<String> {
        let jobs =
            (0..count).map(async |number| self.rest.submit(&request(&format!("{name}-{number}"))).await);
        let id = |job: serde_json::Value| job["jobId"].as_str().unwrap().to_owned();
        join_all(jobs).await.into_iter().map(id).collect()
    }

    /// The tasks of these jobs, by job: each comes once, and no other does.
    async fn tasks(&self, jobs: &[String]) -> BTreeMap<String, Task> {
        let mut tasks = BTreeMap::new();
        while tasks.len() < jobs.len() {
            let task = self.consumer.task().await;
            let job = task.body["jobId"].as_str().unwrap().to_owned();
            assert!(jobs.contains(&job), "{job} is none of ours");
            let earlier = tasks.insert(job, task);
            assert!(earlier.is_none(), "a task came twice");
        }
        assert_eq!(
            self.consumer.count(&self.consumer.jobs).await,
            0,
            "a task came twice"
        );
        tasks
    }

    /// Every job succeeds, and has no other history than that.
    async fn succeed(&self, jobs: &[String], tasks: &BTreeMap<String, Task>) {
        for task in tasks.values() {
            let outcome = task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}}));
            self.consumer.send(&outcome).await;
        }
        for job in jobs {
            let done = self.rest.until(job, "JOB_STATE_SUCCEEDED").await;
            assert_eq!(
                (&done["revision"], &done["dispatch"]),
                (&json!(2), &json!(1)),
                "{done}"
            );
        }
    }

    async fn stop(self) {
        self.world.stop().await;
        self.sqs.stop().await;
    }
}

/// What holds for an outage of any kind.
async fn outage(trouble: Trouble) {
    let (stage, link) = Stage::behind_link().await;
    link.set(trouble);
    let jobs = stage.submit(JOBS).await;
    assert_eq!(stage.consumer.count(&stage.consumer.jobs).await, 0);
    link.set(Trouble::None);
    let tasks = stage.tasks(&jobs).await;
    stage.succeed(&jobs, &tasks).await;
    stage.stop().await;
}

#[tokio::test]
async fn submissions_go_on_while_sqs_resets_every_connection_and_the_backlog_drains() {
    Box::pin(outage(Trouble::Reset)).await;
}

#[tokio::test]
async fn submissions_go_on_while_sqs_never_answers_and_the_backlog_drains() {
    Box::pin(outage(Trouble::HalfOpen)).await;
}

/// Nobody resets what was open when the machine behind an address goes: a send is made anew on another connection, long before TCP gives up.
#[tokio::test]
async fn a_connection_to_sqs_that_goes_silent_is_given_up_for_another() {
    let (stage, link) = Stage::behind_link().await;
    let first = stage.submit_as("before", 1).await;
    stage.tasks(&first).await;
    link.forget();
    let second = stage.submit_as("after", 1).await;
    stage.tasks(&second).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_slow_way_to_sqs_loses_and_doubles_nothing() {
    let (stage, link) = Stage::behind_link().await;
    for (name, trouble) in [
        ("late", Trouble::Latency(Duration::from_millis(100))),
        ("narrow", Trouble::Bandwidth(100_000)),
    ] {
        link.set(trouble);
        let jobs = stage.submit_as(name, JOBS).await;
        let tasks = stage.tasks(&jobs).await;
        stage.succeed(&jobs, &tasks).await;
    }
    stage.stop().await;
}

/// How AWS says that it was asked too much, or has too much under way, or is not well.
const REFUSALS: [(u16, &str); 4] = [
    (400, "ThrottlingException"),
    (403, "RequestThrottled"),
    (403, "OverLimit"),
    (503, "ServiceUnavailable"),
];

#[tokio::test]
async fn what_sqs_throttles_is_sent_and_collected_later() {
    for (status, name) in REFUSALS {
        let (stage, queues) = Stage::behind_queues().await;
        for action in ["SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch"] {
            queues.refuse(action, Refusal::Error(status, name));
        }
        let jobs = stage.submit(JOBS).await;
        queues.refused(2).await;
        assert_eq!(stage.consumer.count(&stage.consumer.jobs).await, 0);
        queues.allow();
        let tasks = stage.tasks(&jobs).await;
        stage.succeed(&jobs, &tasks).await;
        stage.stop().await;
    }
}

#[tokio::test]
async fn of_a_batch_that_fails_in_part_the_rest_alone_is_sent_again() {
    let (stage, queues) = Stage::behind_queues().await;
    queues.refuse("SendMessageBatch", Refusal::EverySecondEntry);
    let jobs = stage.submit(JOBS).await;
    let tasks = stage.tasks(&jobs).await;
    stage.succeed(&jobs, &tasks).await;
    stage.stop().await;
}

#[tokio::test]
async fn outcomes_that_sqs_keeps_come_again_and_change_nothing() {
    let (stage, queues) = Stage::behind_queues().await;
    let jobs = stage.submit(JOBS).await;
    let tasks = stage.tasks(&jobs).await;
    stage.consumer.hide_results_for(1).await;
    queues.refuse("DeleteMessageBatch", Refusal::EverySecondEntry);
    stage.succeed(&jobs, &tasks).await;
    stage.consumer.settled().await;
    stage.succeed(&jobs, &BTreeMap::new()).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_send_whose_answer_was_lost_is_made_again_with_the_same_dispatch() {
    let (stage, queues) = Stage::behind_queues().await;
    queues.refuse("SendMessageBatch", Refusal::AnswerLost);
    let jobs = stage.submit(1).await;
    queues.refused(1).await;
    queues.allow();
    let (first, again) = (stage.consumer.task().await, stage.consumer.task().await);
    assert_eq!(first.body, again.body);
    let tasks = BTreeMap::from([("first".to_owned(), first), ("again".to_owned(), again)]);
    stage.succeed(&jobs, &tasks).await;
    stage.consumer.settled().await;
    stage.succeed(&jobs, &BTreeMap::new()).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_queue_that_was_deleted_gets_what_waited_for_it_once_it_is_there_again() {
    let (stage, _queues) = Stage::behind_queues().await;
    let sqs = &stage.consumer.client;
    sqs.delete_queue()
        .queue_url(&stage.consumer.jobs)
        .send()
        .await
        .unwrap();
    let jobs = stage.submit(JOBS).await;
    sqs.create_queue()
        .queue_name("postern-jobs")
        .send()
        .await
        .unwrap();
    let tasks = stage.tasks(&jobs).await;
    stage.succeed(&jobs, &tasks).await;
    stage.stop().await;
}
