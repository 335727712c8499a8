//! What a policy says of one job type: how many tasks of it run at a time, and which are tried again here. And what becomes of a task
//! that is no longer the consumer's.

use std::time::Duration;

use postern_worker::{Builder, Consumer, Error, Policy};
use serde_json::json;
use tokio::time::Instant;

use crate::script::{JOB_TYPE, Other, Script, script};
use crate::stack::{PATIENCE, Running, Stack};
use crate::tap::{Call, Tap, tap};

const OTHER: &str = "test.other-script";

/// Waits until so many tasks are with the consumer.
async fn until_in_hand(stack: &Stack, tasks: u32) {
    let deadline = Instant::now() + PATIENCE;
    while stack.tasks().await.1 != tasks {
        assert!(Instant::now() < deadline, "{:?}", stack.tasks().await);
    }
}

/// Whoever has no free handler receives nothing: one of another job type is free.
async fn one_at_a_time(stack: &Stack, handler: Script, tap: &Tap) -> Running {
    let (other, _director) = script();
    let limited = Policy::new().concurrency(1);
    let set = |builder: Builder| {
        builder
            .handler_with(handler.clone(), limited)
            .handler(Other(other))
    };
    stack.run(handler.clone(), tap, set).await
}

#[tokio::test]
async fn a_job_type_at_its_limit_takes_no_place_from_others() {
    let stack = Stack::start(30).await;
    let ((one, mut limited), (other, mut free)) = (script(), script());
    for _ in 0..3 {
        stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    }
    for _ in 0..2 {
        stack.submit(OTHER, &json!({"do": "wait"})).await;
    }
    let builder = Consumer::builder(stack.client.clone())
        .concurrency(3)
        .handler_with(one, Policy::new().concurrency(1))
        .handler(Other(other));
    let consumer = Running::start(builder.build().await.unwrap());
    limited.begun().await;
    free.begun().await;
    free.begun().await;
    assert!(limited.none_begun());
    until_in_hand(&stack, 5).await;
    free.open(2);
    for _ in 0..2 {
        limited.open(1);
        limited.begun().await;
    }
    limited.open(1);
    for _ in 0..5 {
        assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    }
    assert_eq!(limited.inside_max(), 1);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_task_that_waits_for_its_job_type_is_kept_invisible() {
    let stack = Stack::start(3).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    for _ in 0..2 {
        stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    }
    let consumer = one_at_a_time(&stack, script, &tap).await;
    assert_eq!(director.begun().await, 1);
    until_in_hand(&stack, 2).await;
    // For both at once, or one by one: more than a visibility timeout in any case.
    for _ in 0..5 {
        calls.next(Call::Keep).await;
    }
    assert!(director.none_begun());
    director.open(2);
    assert_eq!(director.begun().await, 1);
    for _ in 0..2 {
        assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    }
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_task_that_has_not_begun_is_given_back_as_soon_as_the_consumer_is_to_stop() {
    let stack = Stack::start(600).await;
    let (script, mut director) = script();
    let (tap, mut calls) = tap();
    for _ in 0..2 {
        stack.submit(JOB_TYPE, &json!({"do": "wait"})).await;
    }
    let consumer = one_at_a_time(&stack, script, &tap).await;
    director.begun().await;
    until_in_hand(&stack, 2).await;
    tokio::join!(consumer.stop(), async {
        calls.next(Call::Release).await;
        assert_eq!(director.inside(), 1, "the other one goes on");
        director.open(1);
    });
    stack.outcome_that_is("SUCCEEDED").await;
    assert!(director.none_begun());
    assert_eq!(stack.tasks().await, (1, 0));
    stack.end_with_tasks_left().await;
}

#[tokio::test]
async fn a_failure_is_tried_again_here_after_its_delay_and_told_after_the_last_try() {
    let stack = Stack::start(30).await;
    let (script, mut director) = script();
    stack.limit_receives(2).await;
    let policy = Policy::new().retry_here(1, Duration::from_secs(1));
    let again = |builder: Builder| builder.handler_with(script.clone(), policy);
    let consumer = stack.run(script.clone(), &tap().0, again).await;
    stack.submit(JOB_TYPE, &json!({"do": "err"})).await;
    assert_eq!(director.begun().await, 1);
    let began = Instant::now();
    assert_eq!(director.begun().await, 2);
    assert!(
        began.elapsed() > Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    let mut told = Vec::new();
    for _ in 0..3 {
        let outcome = stack.outcome().await;
        told.push((outcome["event"].clone(), outcome["attempt"].clone()));
    }
    let expected = [
        (json!("STARTED"), json!(1)),
        (json!("STARTED"), json!(2)),
        (json!("FAILED"), json!(2)),
    ];
    assert_eq!(told, expected);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn more_tries_than_the_queue_has_receives_are_refused_at_the_start() {
    let stack = Stack::start(30).await;
    stack.limit_receives(2).await;
    let build = async |times| {
        let policy = Policy::new().retry_here(times, Duration::ZERO);
        let builder = Consumer::builder(stack.client.clone()).handler_with(script().0, policy);
        builder.build().await
    };
    let refused = build(2).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Error::TooManyRetries {
                receives: 3,
                receives_max: 2,
                ..
            }
        ),
        "{refused}"
    );
    build(1).await.unwrap();
    stack.end().await;
}

#[tokio::test]
async fn a_handler_whose_task_another_consumer_may_have_is_asked_to_stop_and_tells_nothing() {
    let stack = Stack::start(2).await;
    let (script, mut director) = script();
    let (tap, _calls) = tap();
    tap.fail(&[Call::Keep]);
    let consumer = stack.run(script, &tap, |builder| builder.concurrency(1)).await;
    stack.submit(JOB_TYPE, &json!({"do": "heed"})).await;
    assert_eq!(director.begun().await, 1);
    // With one place, the second can only begin when the first has stopped.
    let second = director.begun().await;
    assert!(second > 1);
    tap.fail(&[]);
    director.open(1);
    assert_eq!(stack.outcome().await["event"], "STARTED");
    assert_eq!(stack.outcome().await["event"], "STARTED");
    let ended = stack.outcome().await;
    assert_eq!(
        (&ended["event"], &ended["attempt"]),
        (&json!("SUCCEEDED"), &json!(second))
    );
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_task_that_another_consumer_may_have_does_not_begin_when_there_is_a_place_at_last() {
    let stack = Stack::start(2).await;
    let ((one, mut limited), (other, mut free), (another, mut elsewhere)) = (script(), script(), script());
    let (tap, mut calls) = tap();
    for job_type in [JOB_TYPE, JOB_TYPE, OTHER] {
        stack.submit(job_type, &json!({"do": "wait"})).await;
    }
    let set = |builder: Builder| {
        let builder = builder.handler_with(one.clone(), Policy::new().concurrency(1));
        builder.handler(Other(other)).concurrency(2)
    };
    let consumer = stack.run(one.clone(), &tap, set).await;
    limited.begun().await;
    free.begun().await;
    until_in_hand(&stack, 3).await;
    // It has no place left, so what comes again goes elsewhere.
    tap.fail(&[Call::Keep]);
    let set = |builder: Builder| builder.handler(Other(another.clone()));
    let other_consumer = stack.run(another.clone(), &self::tap().0, set).await;
    for _ in 0..3 {
        assert_eq!(elsewhere.begun().await, 2);
    }
    // By now each of the three has asked in vain after its time was over.
    calls.so_far();
    for _ in 0..12 {
        calls.next(Call::Keep).await;
    }
    elsewhere.open(3);
    for _ in 0..3 {
        assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 2);
    }
    other_consumer.stop().await;
    tap.fail(&[]);
    limited.open(1);
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["attempt"], 1);
    // Had the second one begun, this one would wait behind it.
    let third = stack.submit(JOB_TYPE, &json!({"do": "succeed"})).await;
    assert_eq!(stack.outcome_that_is("SUCCEEDED").await["jobId"], third.as_str());
    free.open(1);
    stack.outcome_that_is("SUCCEEDED").await;
    limited.begun().await;
    assert!(limited.none_begun());
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}
