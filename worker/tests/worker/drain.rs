//! How many tasks run at a time, and what becomes of them when a consumer stops.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::script::{JOB_TYPE, script};
use crate::stack::Stack;
use crate::tap::{Call, tap};

#[tokio::test]
async fn no_more_tasks_are_taken_than_there_are_free_handlers() {
    let stack = Stack::start(30).await;
    let (script, mut director) = script();
    for _ in 0..7 {
        stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    }
    let consumer = stack
        .run(script, &tap().0, |builder| builder.concurrency(3))
        .await;
    for _ in 0..3 {
        director.begun().await;
    }
    assert_eq!(stack.tasks().await, (4, 3));
    for _ in 0..7 {
        director.open(1);
        stack.outcome_that_is("SUCCEEDED").await;
    }
    assert_eq!(director.inside_max(), 3);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_task_that_ends_within_the_grace_is_told_of_and_deleted() {
    let stack = Stack::start(30).await;
    let (script, mut director) = script();
    let consumer = stack.run(script, &tap().0, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    director.begun().await;
    // In this order: the consumer is told to stop when it is first polled.
    tokio::join!(consumer.stop(), async { director.open(1) });
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    stack.end().await;
}

#[tokio::test]
async fn a_task_that_does_not_end_in_time_is_dropped_and_given_back_at_once() {
    // Nobody could see it for ten minutes if it were not given back.
    let stack = Stack::start(600).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    let hasty = |builder: postern_worker::Builder| builder.drain_grace(Duration::from_millis(50));
    let consumer = stack.run(script.clone(), &tap, hasty).await;
    stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    assert_eq!(director.begun().await, 1);
    consumer.stop().await;
    calls.next(Call::Release).await;
    assert_eq!(stack.tasks().await, (1, 0));
    assert_eq!(director.inside(), 0);

    let consumer = stack.run(script, &tap, hasty).await;
    assert_eq!(director.begun().await, 2);
    director.open(1);
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 2);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_handler_that_stops_when_the_grace_is_over_has_not_cancelled_its_job() {
    let stack = Stack::start(600).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    let hasty = |builder: postern_worker::Builder| builder.drain_grace(Duration::from_millis(50));
    let consumer = stack.run(script, &tap, hasty).await;
    stack.submit(JOB_TYPE, &json!({"do": "heed"})).await;
    director.begun().await;
    let began = Instant::now();
    consumer.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "it was asked to, and not dropped"
    );
    calls.next(Call::Release).await;
    assert_eq!(stack.tasks().await, (1, 0));
    assert_eq!(stack.outcome().await["event"], "STARTED");
    stack.end_with_tasks_left().await;
}

#[tokio::test]
async fn an_idle_consumer_stops_at_once() {
    let stack = Stack::start(30).await;
    let (script, _director) = script();
    let (tap, mut calls) = tap();
    let consumer = stack.run(script, &tap, |builder| builder).await;
    calls.next(Call::Receive).await;
    let began = Instant::now();
    consumer.stop().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    stack.end().await;
}
