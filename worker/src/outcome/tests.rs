//! Every outcome against the contract's schema.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::failure::Code;

const BODY_BYTES_MAX: usize = 1_048_576;

fn outcomes(attempt: u32, body_bytes_max: usize) -> Outcomes {
    let task = json!({
        "jobId": "job_01h455vb4pex5vsknk084sn02q", "jobType": "example.greet", "jobTypeVersion": "1", "partnerId": "acme",
        "dispatch": 2, "deadline": "2100-01-01T00:00:00Z", "payload": {}, "payloadRef": null, "attachments": [],
        "labels": {}, "outcomeToken": "token", "trace": {"traceparent": "", "tracestate": ""}
    });
    let assignment = Assignment::read(&task.to_string(), attempt).unwrap();
    Outcomes::new(&assignment, "d3b07384".to_owned(), body_bytes_max)
}

/// Parses a body, having held it against the schema.
fn valid(body: &str) -> Value {
    let schema: Value = serde_json::from_str(include_str!("../../../proto/messages/outcome.schema.json"))
        .expect("the schema is JSON");
    let body: Value = serde_json::from_str(body).unwrap();
    let errors: Vec<_> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&body)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    body
}

#[test]
fn a_handler_that_stopped_as_it_was_asked_to_has_cancelled_its_task() {
    let outcomes = outcomes(1, BODY_BYTES_MAX);
    assert_eq!(
        valid(&outcomes.ended(&Err(Failure::cancelled()))),
        json!({"outcomeToken": "token", "event": "CANCELLED", "jobId": "job_01h455vb4pex5vsknk084sn02q", "dispatch": 2,
            "eventId": "d3b07384-1-CANCELLED", "attempt": 1})
    );
}

#[test]
fn an_attempt_counts_what_it_tells() {
    let mut outcomes = outcomes(3, BODY_BYTES_MAX);
    assert_eq!(
        valid(&outcomes.started()),
        json!({"outcomeToken": "token", "event": "STARTED", "jobId": "job_01h455vb4pex5vsknk084sn02q", "dispatch": 2,
            "eventId": "d3b07384-3-1", "attempt": 3, "seq": 1})
    );
    let progress = Progress {
        completed: 4,
        total: 9,
        message: "halfway".to_owned(),
    };
    let progress = valid(&outcomes.progress(&progress));
    assert_eq!(
        progress["progress"],
        json!({"completed": 4, "total": 9, "message": "halfway"})
    );
    assert_eq!(
        (&progress["seq"], &progress["eventId"]),
        (&json!(2), &json!("d3b07384-3-2"))
    );
}

#[test]
fn an_end_has_the_same_event_id_each_time_it_is_told_and_another_in_another_attempt() {
    let id = |outcomes: &Outcomes, ended: &Ended| valid(&outcomes.ended(ended))["eventId"].clone();
    let (success, failure) = (Ok(None), Err(Failure::new(Code::Aborted, "STOPPED", "stopped")));
    let mut first = outcomes(1, BODY_BYTES_MAX);
    let before = id(&first, &success);
    first.started();
    assert_eq!(id(&first, &success), before);
    assert_ne!(id(&first, &failure), before);
    assert_ne!(id(&outcomes(2, BODY_BYTES_MAX), &success), before);
}

#[test]
fn a_failure_tells_all_that_the_contract_has_room_for() {
    let failure = Failure::new(
        Code::NotFound,
        "ACCOUNT_UNKNOWN",
        "account unknown does not exist",
    )
    .violation("/account", "no such account")
    .retry_after(Duration::from_millis(1_500))
    .because("the operator's business");
    let body = outcomes(1, BODY_BYTES_MAX).ended(&Err(failure));
    assert!(!body.contains("business"));
    let body = valid(&body);
    assert_eq!(
        body["error"],
        json!({"code": "NOT_FOUND", "reason": "ACCOUNT_UNKNOWN", "message": "account unknown does not exist",
            "violations": [{"pointer": "/account", "message": "no such account"}]})
    );
    assert_eq!(
        (&body["retryable"], &body["retryDelaySeconds"]),
        (&json!(true), &json!(2))
    );
}

#[test]
fn what_a_failure_has_too_much_of_is_cut() {
    let mut failure =
        Failure::new(Code::Internal, "lower case", "ä".repeat(5_000)).retry_after(Duration::MAX);
    for number in 0..200 {
        failure = failure.violation(format!("/{number}"), "wrong");
    }
    let body = valid(&outcomes(1, BODY_BYTES_MAX).ended(&Err(failure)));
    assert_eq!(body["error"]["violations"].as_array().unwrap().len(), 100);
    assert_eq!(body["error"]["message"].as_str().unwrap().len(), 2_048);
    assert_eq!(body["error"].get("reason"), None);
    assert_eq!(body["retryDelaySeconds"], 86_400);
}

#[test]
fn an_end_always_fits_into_the_results_queue() {
    let result: Map<String, Value> = Map::from_iter([("text".to_owned(), Value::String("x".repeat(10_000)))]);
    let outcomes_of_a_small_queue = outcomes(1, 8_192);
    let body = outcomes_of_a_small_queue.ended(&Ok(Some(result)));
    assert!(body.len() <= 8_192);
    assert_eq!(valid(&body)["error"]["reason"], "RESULT_UNUSABLE");

    let failure = Failure::new(Code::Internal, "BROKEN", "broken").violation("/a", "x".repeat(10_000));
    let body = outcomes_of_a_small_queue.ended(&Err(failure
        .violation("/b", "x".repeat(20_000))
        .violation("/".repeat(9_000), "")));
    assert!(body.len() <= 8_192);
    assert_eq!(valid(&body)["error"]["reason"], "BROKEN");

    let large: Map<String, Value> =
        Map::from_iter([("text".to_owned(), Value::String("x".repeat(256 * 1_024)))]);
    assert_eq!(
        valid(&outcomes(1, BODY_BYTES_MAX).ended(&Ok(Some(large))))["error"]["reason"],
        "RESULT_UNUSABLE"
    );
}

#[test]
fn a_result_that_is_nested_too_deep_to_be_read_is_a_failure() {
    let nested = |depth| (1..depth).fold(json!({}), |inner, _| json!({ "in": inner }));
    let reason = |depth| {
        let Value::Object(result) = nested(depth) else {
            unreachable!("it is one")
        };
        valid(&outcomes(1, BODY_BYTES_MAX).ended(&Ok(Some(result))))["error"]["reason"].clone()
    };
    assert_eq!(reason(32), Value::Null);
    assert_eq!(reason(200), "RESULT_UNUSABLE");
}

/// With the room that attributes take, and characters of which JSON makes six.
#[test]
fn a_failure_fits_into_the_smallest_queue_there_can_be() {
    let smallest = outcomes(u32::MAX, 1_024 - 34);
    let failure = Failure::new(Code::FailedPrecondition, "R".repeat(63), "\u{1}".repeat(5_000));
    let failure = failure
        .violation("/a", "wrong")
        .retry_after(Duration::from_secs(86_400));
    let body = smallest.ended(&Err(failure));
    assert!(body.len() <= 1_024 - 34, "{}", body.len());
    assert_eq!(valid(&body)["error"]["code"], "FAILED_PRECONDITION");
}

#[test]
fn bodies_have_only_characters_that_sqs_takes() {
    let awkward = "\u{0}\u{1}\u{1b}\u{FFFE}\u{FFFF}😀é\n";
    let result: Map<String, Value> =
        Map::from_iter([(awkward.to_owned(), Value::String(awkward.to_owned()))]);
    let body = outcomes(1, BODY_BYTES_MAX).ended(&Ok(Some(result)));
    let is_xml = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..);
    assert!(body.chars().all(is_xml), "{body}");
    assert_eq!(valid(&body)["result"][awkward], awkward);
}
