//! How the bodies of the results queue are read: strictly where it matters, leniently where it does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use postern_server::job::{Code, Event, Failure};
use postern_server::queue::{Message, Unreadable, read};
use serde_json::{Value, json};

fn message(body: &Value) -> Message {
    read(&body.to_string(), "message-1").unwrap()
}

fn event(body: Value) -> Event {
    message(&body).outcome.event
}

fn failure(error: Value) -> Failure {
    let Event::Failed { failure, .. } =
        event(json!({"outcomeToken": "t", "event": "FAILED", "error": error}))
    else {
        panic!("not a failure")
    };
    failure
}

#[test]
fn the_least_is_a_token_and_an_event() {
    let read = message(&json!({"outcomeToken": "t", "event": "started"}));
    assert_eq!(
        (
            read.subject.token.as_str(),
            read.outcome.event,
            read.subject.job_id
        ),
        ("t", Event::Started, None)
    );
}

#[test]
fn names_are_read_in_snake_case_too() {
    let read = message(
        &json!({"outcome_token": "t", "event": "PROGRESS", "event_id": "e", "job_id": "j", "progress": {"completed": 2}}),
    );
    assert_eq!(
        (
            read.subject.token.as_str(),
            read.outcome.event_id.as_str(),
            read.subject.job_id.as_deref()
        ),
        ("t", "e", Some("j"))
    );
}

#[test]
fn what_cannot_be_an_outcome_is_told() {
    assert!(matches!(
        read("O:36:\"Symfony\"", "m"),
        Err(Unreadable::NotJson(_))
    ));
    assert!(matches!(read("[]", "m"), Err(Unreadable::NotJson(_))));
    assert!(matches!(
        read(&format!("{}{}", "[".repeat(500), "]".repeat(500)), "m"),
        Err(Unreadable::NotJson(_))
    ));
    assert_eq!(read("{\"event\":\"STARTED\"}", "m"), Err(Unreadable::NoToken));
    assert_eq!(
        read("{\"outcomeToken\":\"t\",\"event\":\"DONE\"}", "m"),
        Err(Unreadable::UnknownEvent)
    );
    assert_eq!(
        read("{\"outcomeToken\":\"t\",\"event\":7}", "m"),
        Err(Unreadable::UnknownEvent)
    );
}

#[test]
fn an_empty_php_array_is_an_empty_object() {
    let Event::Succeeded { result, .. } =
        event(json!({"outcomeToken": "t", "event": "SUCCEEDED", "result": []}))
    else {
        panic!()
    };
    assert_eq!(result, Some(serde_json::Map::new()));
}

#[test]
fn members_of_a_wrong_type_are_read_as_absent() {
    let read = message(
        &json!({"outcomeToken": "t", "event": "FAILED", "attempt": "2", "seq": -1, "eventId": 3, "error": 7, "retryable": "yes"}),
    );
    assert_eq!((read.outcome.attempt, read.outcome.seq), (None, None));
    let Event::Failed {
        failure, retryable, ..
    } = read.outcome.event
    else {
        panic!()
    };
    assert_eq!(
        (failure.code, failure.reason.as_str(), retryable),
        (Code::Unknown, "TASK_FAILED", false)
    );
}

#[test]
fn whole_numbers_may_have_a_fraction_of_zero() {
    let read = message(&json!({"outcomeToken": "t", "event": "STARTED", "attempt": 2.0, "dispatch": 1.0}));
    assert_eq!((read.outcome.attempt, read.subject.dispatch), (Some(2), Some(1)));
}

#[test]
fn progress_is_clamped() {
    let Event::Progress(Some(progress)) = event(
        json!({"outcomeToken": "t", "event": "PROGRESS", "progress": {"completed": -3, "total": 1_000_000_000_000_i64, "message": "x".repeat(5000)}}),
    ) else {
        panic!()
    };
    assert_eq!(
        (progress.completed, progress.total, progress.message.len()),
        (0, i32::MAX, 2048)
    );
}

#[test]
fn a_consumers_error_becomes_a_failure() {
    let told = failure(json!({"code": "NOT_FOUND", "reason": "ACCOUNT_UNKNOWN", "message": "no"}));
    assert_eq!(
        (told.code, told.reason.as_str(), told.message.as_str()),
        (Code::NotFound, "ACCOUNT_UNKNOWN", "no")
    );
}

#[test]
fn bad_codes_and_reasons_are_replaced() {
    assert_eq!(failure(json!({"code": "BROKEN"})).code, Code::Unknown);
    assert_eq!(failure(json!({"code": "OK"})).code, Code::Unknown);
    for reason in [
        "lower",
        "",
        "A B",
        "QUEUE_TIMEOUT",
        "OUTCOME_INVALID",
        &"A".repeat(64),
    ] {
        assert_eq!(
            failure(json!({"reason": reason})).reason,
            "TASK_FAILED",
            "{reason}"
        );
    }
}

#[test]
fn violations_point_into_the_request() {
    let told = failure(
        json!({"violations": [{"pointer": "/contacts/3", "message": "bad"}, {"pointer": "", "message": "all"}, "x"]}),
    );
    let fields: Vec<_> = told
        .violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(
        (told.code, fields),
        (Code::InvalidArgument, vec!["/payload/contacts/3", "/payload"])
    );
}

#[test]
fn a_result_that_cannot_be_kept_is_unusable_and_not_hidden() {
    for result in [
        json!({"n": 9_007_199_254_740_993_u64}),
        json!({"text": "x".repeat(256 * 1024)}),
    ] {
        assert!(matches!(
            event(json!({"outcomeToken": "t", "event": "SUCCEEDED", "result": result})),
            Event::Unusable(_)
        ));
    }
}

#[test]
fn without_an_id_reports_are_told_apart_by_message_and_ends_by_what_they_say() {
    let id = |body: &str, message_id| read(body, message_id).unwrap().outcome.event_id;
    let (started, succeeded) = (
        "{\"outcomeToken\":\"t\",\"event\":\"STARTED\"}",
        "{\"outcomeToken\":\"t\",\"event\":\"SUCCEEDED\"}",
    );
    assert_ne!(id(started, "m1"), id(started, "m2"));
    assert_eq!(id(succeeded, "m1"), id(succeeded, "m2"));
    let long = json!({"outcomeToken": "t", "event": "STARTED", "eventId": "x".repeat(200)}).to_string();
    assert!(id(&long, "m").len() <= 128);
}

#[test]
fn numbers_beyond_every_range_are_clamped_too() {
    let body = r#"{"outcomeToken":"t","event":"PROGRESS","progress":{"completed":1e20,"total":18446744073709551615}}"#;
    let Event::Progress(Some(progress)) = read(body, "m").unwrap().outcome.event else {
        panic!("not progress")
    };
    assert_eq!((progress.completed, progress.total), (i32::MAX, i32::MAX));
}

#[test]
fn half_a_character_hides_no_outcome() {
    let body = r#"{"outcomeToken":"t","event":"FAILED","error":{"message":"\\u \ud83d\ude00 cut \ud83d","reason":"GONE"}}"#;
    let Event::Failed { failure, .. } = read(body, "m").unwrap().outcome.event else {
        panic!("not a failure")
    };
    assert_eq!(
        (failure.message.as_str(), failure.reason.as_str()),
        ("\\u \u{1f600} cut \u{fffd}", "GONE")
    );
}

#[test]
fn what_not_every_database_can_keep_is_replaced() {
    let failure = failure(json!({"message": "a\u{0}b"}));
    assert_eq!(failure.message, "a\u{fffd}b");
    let id = message(&json!({"outcomeToken": "t", "event": "STARTED", "eventId": "a\u{0}b"}))
        .outcome
        .event_id;
    assert_eq!(id.len(), 64, "{id}");
}

#[test]
fn the_texts_of_violations_are_cut() {
    let long = json!({"pointer": format!("/{}", "x".repeat(5000)), "message": "é".repeat(5000)});
    let told = failure(json!({"violations": [long]}));
    let violation = &told.violations[0];
    assert_eq!((violation.field.len(), violation.description.len()), (256, 256));
}
