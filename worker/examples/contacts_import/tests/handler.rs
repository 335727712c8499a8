//! The handler alone, with the SDK's test kit: no queue is needed to see what it does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Arc;

use contacts_import::{ContactsImport, count};
use postern_worker::Stop;
use postern_worker::testing::{End, Trial};
use serde_json::{Value, json};

fn payload(account: &str, contacts: usize) -> Value {
    let contacts: Vec<_> = (0..contacts)
        .map(|number| json!({"email": format!("{number}@example.com"), "name": "Ada Marsh"}))
        .collect();
    json!({"account": account, "reference": "autumn", "contacts": contacts})
}

#[tokio::test]
async fn a_job_that_comes_twice_inserts_once_and_tells_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let handler = Arc::new(ContactsImport::new(folder.path()));
    for attempt in 1..=2 {
        let trial = Trial::new(Arc::clone(&handler)).payload(payload("harbour", 250));
        let outcome = trial.attempt(attempt).run().await;
        assert_eq!(outcome.result(), Some(&json!({"inserted": 250, "skipped": 0})));
    }
    let other_job = Trial::new(handler).job_id("job_01h455vb4pex5vsknk084sn03q");
    let outcome = other_job.payload(payload("harbour", 251)).run().await;
    assert_eq!(outcome.result(), Some(&json!({"inserted": 1, "skipped": 250})));
    assert_eq!(count(folder.path()).await.unwrap()["harbour"], 251);
}

#[tokio::test]
async fn progress_counts_all_contacts() {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(ContactsImport::new(folder.path())).payload(payload("harbour", 250));
    let outcome = trial.run().await;
    let told: Vec<_> = outcome
        .progress()
        .iter()
        .map(|it| (it.completed, it.total))
        .collect();
    assert_eq!(told, [(100, 250), (200, 250), (250, 250)]);
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_a_failure_that_no_retry_mends() {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(ContactsImport::new(folder.path())).payload(payload("unknown", 1));
    let outcome = trial.run().await;
    assert_eq!((outcome.end(), outcome.code()), (&End::Failed, Some("NOT_FOUND")));
    assert_eq!(
        (outcome.reason(), outcome.is_retryable()),
        (Some("ACCOUNT_UNKNOWN"), false)
    );
}

#[tokio::test]
async fn an_account_that_would_be_a_path_never_reaches_the_handler() {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(ContactsImport::new(folder.path())).payload(payload("../../escape", 1));
    let outcome = trial.run().await;
    assert_eq!(
        (outcome.reason(), outcome.violations()),
        (Some("PAYLOAD_UNREADABLE"), vec!["/account"])
    );
}

#[tokio::test]
async fn an_import_that_is_asked_to_stop_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for (why, end) in [
        (Stop::Cancelled, End::Cancelled),
        (Stop::Draining, End::GivenBack),
    ] {
        let running = Trial::new(ContactsImport::new(folder.path()))
            .payload(payload("harbour", 250))
            .start();
        running.ask_to_stop(why);
        assert_eq!(running.outcome().await.end(), &end);
        assert_eq!(count(folder.path()).await.unwrap()["harbour"], 0);
    }
}
