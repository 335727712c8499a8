//! How many requests of SQS tasks take.

use serde_json::json;

use crate::script::{JOB_TYPE, script};
use crate::stack::Stack;
use crate::tap::{Call, tap};

#[tokio::test]
async fn under_load_a_request_is_about_several_tasks() {
    const TASKS: usize = 200;
    let stack = Stack::start(30).await;
    let (script, _director) = script();
    let (tap, mut calls) = tap();
    for _ in 0..TASKS {
        stack.submit(JOB_TYPE, &json!({"do": "succeed"})).await;
    }
    let consumer = stack.run(script, &tap, |builder| builder.concurrency(32)).await;
    for _ in 0..TASKS {
        stack.outcome_that_is("SUCCEEDED").await;
    }
    stack.until_no_tasks().await;
    consumer.stop().await;
    let calls = calls.so_far();
    // One by one it would be more than three a task.
    assert!(calls.len() < TASKS * 3 / 2, "{} for {TASKS}", calls.len());
    stack.end().await;
}

#[tokio::test]
async fn outcomes_that_are_refused_together_are_sent_one_by_one() {
    let stack = Stack::start(30).await;
    let (script, mut director) = script();
    let (tap, _calls) = tap();
    for _ in 0..8 {
        stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    }
    let consumer = stack.run(script, &tap, |builder| builder.concurrency(8)).await;
    for _ in 0..8 {
        director.begun().await;
    }
    tap.take_one_outcome();
    director.open(8);
    for _ in 0..8 {
        stack.outcome_that_is("SUCCEEDED").await;
    }
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn without_load_each_step_is_a_request() {
    let stack = Stack::start(30).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    let consumer = stack.run(script, &tap, |builder| builder).await;
    stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    director.begun().await;
    director.open(1);
    stack.outcome_that_is("SUCCEEDED").await;
    stack.until_no_tasks().await;
    consumer.stop().await;
    let mut calls = calls.so_far();
    calls.retain(|call| *call != Call::Receive);
    assert_eq!(calls, [Call::Notice, Call::End, Call::Delete]);
    stack.end().await;
}
