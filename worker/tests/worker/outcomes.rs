//! How handlers end, and what is told of it.

use serde_json::{Value, json};

use crate::script::{JOB_TYPE, script};
use crate::stack::Stack;
use crate::tap::tap;

/// Runs one task: its STARTED, and its end.
async fn run(payload: &Value) -> (Value, Value) {
    let stack = Stack::start(30).await;
    let (script, _director) = script();
    let consumer = stack.run(script, &tap().0, |builder| builder).await;
    stack.submit(JOB_TYPE, payload).await;
    let (started, ended) = (stack.outcome().await, stack.outcome().await);
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
    (started, ended)
}

#[tokio::test]
async fn a_task_is_started_then_succeeds_with_its_result() {
    let (started, ended) = run(&json!({"do": "succeed"})).await;
    assert_eq!(started["event"], "STARTED");
    assert_eq!(
        (&started["seq"], &started["attempt"], &started["dispatch"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(ended["event"], "SUCCEEDED");
    assert_eq!(ended["result"], json!({"done": true, "attempt": 1}));
    for outcome in [started, ended] {
        assert_eq!(outcome["outcomeToken"], "token-0");
        assert_eq!(outcome["jobId"], "job_00000000000000000000000000");
    }
}

#[tokio::test]
async fn a_failure_is_told_as_the_handler_said_it() {
    let (_, ended) = run(&json!({"do": "fail"})).await;
    assert_eq!(ended["event"], "FAILED");
    assert_eq!(
        ended["error"],
        json!({"code": "FAILED_PRECONDITION", "reason": "NOT_TODAY", "message": "come back tomorrow",
            "violations": [{"pointer": "/do", "message": "not today"}]})
    );
    assert_eq!(
        (&ended["retryable"], &ended["retryDelaySeconds"]),
        (&json!(true), &json!(60))
    );
}

#[tokio::test]
async fn an_unforeseen_error_may_be_retried_and_tells_the_partner_nothing() {
    let (_, ended) = run(&json!({"do": "err"})).await;
    assert_eq!(
        ended["error"],
        json!({"code": "INTERNAL", "reason": "TASK_FAILED", "message": "the task failed"})
    );
    assert_eq!(ended["retryable"], true);
}

#[tokio::test]
async fn a_result_that_is_no_object_is_a_failure() {
    let (_, ended) = run(&json!({"do": "text"})).await;
    assert_eq!(ended["error"]["reason"], "RESULT_UNUSABLE");
}

#[tokio::test]
async fn a_result_is_sent_up_to_what_the_results_queue_takes_and_is_a_failure_beyond() {
    let stack = Stack::start(30).await;
    stack.limit_outcomes(2_048).await;
    let (script, _director) = script();
    let consumer = stack.run(script, &tap().0, |builder| builder).await;
    let mut events = Vec::new();
    // The body around the text is the same each time, so one of these is the last that fits.
    for bytes in (1_600..2_048).step_by(8) {
        stack
            .submit(JOB_TYPE, &json!({"do": "size", "bytes": bytes}))
            .await;
        stack.outcome_that_is("STARTED").await;
        events.push(stack.outcome().await["event"].clone());
    }
    let fitting = events.iter().take_while(|event| *event == "SUCCEEDED").count();
    assert!((1..events.len()).contains(&fitting), "{events:?}");
    assert!(
        events[fitting..].iter().all(|event| event == "FAILED"),
        "{events:?}"
    );
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn an_unreadable_payload_is_a_failure_that_says_where() {
    let (_, ended) = run(&json!({"do": "progress", "steps": "many"})).await;
    assert_eq!(
        (&ended["event"], &ended["error"]["code"]),
        (&json!("FAILED"), &json!("INVALID_ARGUMENT"))
    );
    assert_eq!(ended["error"]["reason"], "PAYLOAD_UNREADABLE");
    assert_eq!(ended["error"]["violations"].as_array().unwrap().len(), 1);
    assert_eq!(ended["retryable"], false);
}

#[tokio::test]
async fn a_panic_is_a_failure_and_the_consumer_goes_on() {
    let stack = Stack::start(30).await;
    let (script, _director) = script();
    let consumer = stack
        .run(script, &tap().0, |builder| builder.concurrency(1))
        .await;
    stack.submit(JOB_TYPE, &json!({"do": "panic"})).await;
    let ended = stack.outcome_that_is("FAILED").await;
    assert_eq!(
        (&ended["error"]["code"], &ended["error"]["reason"]),
        (&json!("INTERNAL"), &json!("TASK_PANICKED"))
    );
    assert!(!ended.to_string().contains("as the task says"));
    stack.submit(JOB_TYPE, &json!({"do": "succeed"})).await;
    stack.outcome_that_is("SUCCEEDED").await;
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn progress_is_told_now_and_then_and_the_last_word_while_the_handler_still_runs() {
    let stack = Stack::start(30).await;
    let (script, director) = script();
    let interval = std::time::Duration::from_millis(100);
    let consumer = stack
        .run(script, &tap().0, |builder| builder.progress_interval(interval))
        .await;
    stack
        .submit(JOB_TYPE, &json!({"do": "progress", "steps": 1_000}))
        .await;
    let mut seqs = vec![stack.outcome_that_is("STARTED").await["seq"].as_u64()];
    loop {
        let outcome = stack.outcome_that_is("PROGRESS").await;
        seqs.push(outcome["seq"].as_u64());
        if outcome["progress"]["completed"] == 1_000 {
            assert_eq!(
                outcome["progress"],
                json!({"completed": 1_000, "total": 1_000, "message": "step 1000"})
            );
            break;
        }
    }
    assert!(seqs.len() < 10, "{} outcomes", seqs.len());
    assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    director.open(1);
    stack.outcome_that_is("SUCCEEDED").await;
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_task_past_its_deadline_is_not_begun() {
    let stack = Stack::start(30).await;
    let (script, mut director) = script();
    let consumer = stack.run(script, &tap().0, |builder| builder).await;
    let past = json!({"deadline": "2020-01-01T00:00:00Z"});
    stack.submit_with(JOB_TYPE, &json!({"do": "succeed"}), past).await;
    let ended = stack.outcome().await;
    assert_eq!(
        (&ended["event"], &ended["error"]["reason"]),
        (&json!("FAILED"), &json!("DEADLINE_PASSED"))
    );
    assert!(director.none_begun());
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}

#[tokio::test]
async fn a_payload_that_is_elsewhere_is_a_failure_that_says_so() {
    let stack = Stack::start(30).await;
    let (script, mut director) = script();
    let consumer = stack.run(script, &tap().0, |builder| builder).await;
    let elsewhere = json!({"payloadRef": {"uri": "s3://bucket/key", "sizeBytes": 9, "sha256": "00"}});
    stack.submit_with(JOB_TYPE, &json!({}), elsewhere).await;
    let ended = stack.outcome().await;
    assert_eq!(
        (&ended["error"]["code"], &ended["error"]["reason"]),
        (&json!("UNIMPLEMENTED"), &json!("PAYLOAD_ELSEWHERE"))
    );
    assert!(director.none_begun());
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
}
