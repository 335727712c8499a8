//! Who has a task, for how long, and what a fault between two steps leads to.

use postern_worker::sqs_client;
use serde_json::json;

use crate::hang::Hang;
use crate::script::{JOB_TYPE, script};
use crate::stack::{Running, Stack};
use crate::tap::{Call, tap};

#[tokio::test]
async fn a_task_is_kept_invisible_for_as_long_as_its_handler_runs() {
    let stack = Stack::start(2).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    let consumer = stack.run(script, &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    assert_eq!(director.begun().await, 1);
    // Two and a half visibility timeouts.
    for _ in 0..5 {
        calls.next(Call::Keep).await;
    }
    assert!(director.none_begun());
    assert_eq!(stack.tasks().await, (0, 1));
    director.open(1);
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_request_that_hangs_does_not_lose_a_task() {
    let stack = Stack::start(4).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    let hang = Hang::start(&stack.url, "ChangeMessageVisibility").await;
    let client = sqs_client(Some(&hang.url)).await;
    let consumer = stack.run_with(client, script, &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    assert_eq!(director.begun().await, 1);
    // The first one hangs; with the third, the visibility timeout from the receipt is over.
    for _ in 0..3 {
        calls.next(Call::Keep).await;
    }
    assert!(director.none_begun());
    director.open(1);
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_handler_that_blocks_its_thread_does_not_lose_its_task() {
    let stack = Stack::start(2).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    let consumer = stack.run(script, &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "block"})).await;
    director.begun().await;
    for _ in 0..3 {
        calls.next(Call::Keep).await;
    }
    assert!(director.none_begun());
    director.open(1);
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_task_of_a_consumer_that_crashed_comes_again_as_another_attempt() {
    let stack = Stack::start(2).await;
    let (script, mut director) = script();
    let (tap, _calls) = tap();
    let first = stack.run(script.clone(), &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    assert_eq!(director.begun().await, 1);
    first.crash().await;
    let second = stack.run(script, &tap, |builder| builder).await;
    assert_eq!(director.begun().await, 2);
    director.open(1);
    let ended = stack.outcome_that_is("SUCCEEDED").await;
    assert_eq!(ended["attempt"], 2);
    assert!(ended["eventId"].as_str().unwrap().ends_with("-2-SUCCEEDED"));
    stack.until_no_tasks().await;
    second.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn an_outcome_that_sqs_does_not_take_is_sent_until_it_does_and_the_task_is_deleted_only_then() {
    let stack = Stack::start(2).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    tap.fail(&[Call::End]);
    let consumer = stack.run(script, &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "succeed"})).await;
    for _ in 0..4 {
        calls.next(Call::End).await;
    }
    assert_eq!(stack.tasks().await, (0, 1));
    tap.fail(&[]);
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    stack.until_no_tasks().await;
    director.begun().await;
    assert!(director.none_begun());
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_start_that_cannot_be_told_holds_nothing_up() {
    let stack = Stack::start(30).await;
    let (script, _director) = script();
    let (tap, _calls) = tap();
    tap.fail(&[Call::Notice]);
    let consumer = stack.run(script, &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "succeed"})).await;
    assert_eq!(stack.outcome().await["event"], "SUCCEEDED");
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn receiving_goes_on_after_sqs_failed() {
    let stack = Stack::start(30).await;
    let (script, _director) = script();
    let (tap, mut calls) = tap();
    tap.fail(&[Call::Receive]);
    let consumer = stack.run(script, &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "succeed"})).await;
    for _ in 0..3 {
        calls.next(Call::Receive).await;
    }
    tap.fail(&[]);
    stack.outcome_that_is("SUCCEEDED").await;
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn what_is_not_understood_stays_in_the_queue_and_nothing_is_told_of_it() {
    let stack = Stack::start(30).await;
    let (script, _director) = script();
    let consumer = stack
        .run(script, &tap().0, |builder| builder.concurrency(1))
        .await;
    stack.submit("test.other", &json!({})).await;
    stack
        .send("O:36:\"Symfony\\Component\\Messenger\\Envelope\":1:{}")
        .await;
    stack
        .send(r#"{"jobId": "job_00000000000000000000000099", "jobType": "test.script", "payload": {}}"#)
        .await;
    stack.submit(JOB_TYPE, &json!({"do": "succeed"})).await;
    assert_eq!(stack.outcome().await["event"], "STARTED");
    assert_eq!(stack.outcome().await["event"], "SUCCEEDED");
    consumer.stop().await;
    let (visible, invisible) = stack.tasks().await;
    assert_eq!(visible + invisible, 3);
    stack.end_with_tasks_left().await;
}

#[tokio::test]
async fn queues_are_found_by_url_as_well_and_must_be_there_and_be_standard_queues() {
    let stack = Stack::start(30).await;
    let builder = || postern_worker::Consumer::builder(stack.client.clone()).handler(script().0);
    assert!(matches!(
        builder().jobs_queue("jobs.fifo").build().await,
        Err(postern_worker::Error::Fifo { queue }) if queue == "jobs.fifo"
    ));
    let missing = builder().results_queue("missing").build().await.unwrap_err();
    assert!(missing.to_string().starts_with("queue missing: "), "{missing}");
    Running::start(builder().jobs_queue(&stack.jobs_url).build().await.unwrap())
        .stop()
        .await;
    stack.end().await;
}
