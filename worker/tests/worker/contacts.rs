//! The example consumer: real rows, once, whatever happens between two steps.

use std::collections::BTreeMap;
use std::path::PathBuf;

use contacts_import::{Account, ContactsImport, count};
use serde_json::{Value, json};

use crate::stack::Stack;
use crate::tap::{Call, tap};

const JOB_TYPE: &str = "contacts.import";

fn shards_dir(stack: &Stack) -> PathBuf {
    stack.folder.path().join("data").join("shards")
}

fn payload(account: &str) -> Value {
    json!({"account": account, "reference": "autumn", "contacts": [
        {"email": "ada@example.com", "name": "Ada Marsh", "phone": "+44 20 7946 0018"},
        {"email": "joao@example.org", "name": "João Faria"},
        {"email": "ada@example.com", "name": "Ada Marsh"}
    ]})
}

/// Runs one task to its end.
async fn run(payload: &Value) -> (Value, BTreeMap<String, u64>) {
    let stack = Stack::start(30).await;
    let consumer = stack
        .run(ContactsImport::new(shards_dir(&stack)), &tap().0, |builder| {
            builder
        })
        .await;
    stack.submit(JOB_TYPE, payload).await;
    let mut ended = stack.outcome().await;
    while ended["event"] == "STARTED" || ended["event"] == "PROGRESS" {
        ended = stack.outcome().await;
    }
    stack.until_no_tasks().await;
    consumer.stop().await;
    let rows = count(shards_dir(&stack)).await.unwrap();
    let entries = std::fs::read_dir(stack.folder.path()).unwrap();
    let names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.iter().all(|name| name == "sqs" || name == "data"),
        "{names:?}"
    );
    stack.end().await;
    (ended, rows)
}

#[tokio::test]
async fn an_import_inserts_rows_and_tells_how_many() {
    let (ended, rows) = run(&payload("north-harbour")).await;
    assert_eq!(ended["result"], json!({"inserted": 2, "skipped": 1}));
    assert_eq!(rows, BTreeMap::from([("north-harbour".to_owned(), 2)]));
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_a_failure() {
    let (ended, rows) = run(&payload("unknown")).await;
    let message = "account unknown does not exist";
    assert_eq!(
        ended["error"],
        json!({"code": "NOT_FOUND", "reason": "ACCOUNT_UNKNOWN", "message": message})
    );
    assert_eq!(ended["retryable"], false);
    assert!(rows.is_empty());
}

#[tokio::test]
async fn an_account_that_would_be_a_path_is_refused() {
    for account in ["../../escape", "/tmp/escape", "a/b", ".."] {
        let (ended, rows) = run(&payload(account)).await;
        assert_eq!(ended["error"]["code"], "INVALID_ARGUMENT");
        assert_eq!(ended["error"]["violations"][0]["pointer"], "/account");
        assert!(rows.is_empty());
    }
}

/// Two names for one file, as on a file system that does not tell upper from lower case.
#[tokio::test]
async fn an_account_whose_file_is_that_of_another_is_a_failure_that_no_retry_mends() {
    let stack = Stack::start(30).await;
    let handler = ContactsImport::new(shards_dir(&stack));
    let consumer = stack.run(handler, &tap().0, |builder| builder).await;
    stack.submit(JOB_TYPE, &payload("harbour")).await;
    stack.outcome_that_is("SUCCEEDED").await;
    let file = |account: &str| shards_dir(&stack).join(format!("{account}.sqlite"));
    std::os::unix::fs::symlink(file("harbour"), file("second")).unwrap();
    stack.submit(JOB_TYPE, &payload("second")).await;
    let ended = stack.outcome_that_is("FAILED").await;
    assert_eq!(
        (
            &ended["error"]["code"],
            &ended["error"]["reason"],
            &ended["retryable"]
        ),
        (
            &json!("FAILED_PRECONDITION"),
            &json!("ACCOUNT_NAME_TAKEN"),
            &json!(false)
        )
    );
    assert!(!ended.to_string().contains("harbour"), "{ended}");
    stack.until_no_tasks().await;
    consumer.stop().await;
    assert_eq!(count(shards_dir(&stack)).await.unwrap()["harbour"], 2);
    stack.end().await;
}

#[tokio::test]
async fn a_crash_between_outcome_and_deletion_leads_to_the_same_result_and_no_second_row() {
    let stack = Stack::start(2).await;
    let (tap, mut calls) = tap();
    tap.fail(&[Call::Delete]);
    let first = stack
        .run(ContactsImport::new(shards_dir(&stack)), &tap, |builder| builder)
        .await;
    stack.submit(JOB_TYPE, &payload("north-harbour")).await;
    calls.next(Call::Delete).await;
    first.crash().await;
    tap.fail(&[]);
    let second = stack
        .run(ContactsImport::new(shards_dir(&stack)), &tap, |builder| builder)
        .await;
    let (one, other) = (
        stack.outcome_that_is("SUCCEEDED").await,
        stack.outcome_that_is("SUCCEEDED").await,
    );
    assert_eq!((&one["attempt"], &other["attempt"]), (&json!(1), &json!(2)));
    assert_eq!(one["result"], json!({"inserted": 2, "skipped": 1}));
    assert_eq!(one["result"], other["result"]);
    stack.until_no_tasks().await;
    second.stop().await;
    assert_eq!(count(shards_dir(&stack)).await.unwrap()["north-harbour"], 2);
    stack.end().await;
}

#[tokio::test]
async fn a_crash_between_commit_and_outcome_leads_to_the_result_of_the_commit() {
    let stack = Stack::start(2).await;
    let (tap, mut calls) = tap();
    tap.fail(&[Call::End]);
    let first = stack
        .run(ContactsImport::new(shards_dir(&stack)), &tap, |builder| builder)
        .await;
    stack.submit(JOB_TYPE, &payload("north-harbour")).await;
    calls.next(Call::End).await;
    first.crash().await;
    assert_eq!(count(shards_dir(&stack)).await.unwrap()["north-harbour"], 2);
    tap.fail(&[]);
    let second = stack
        .run(ContactsImport::new(shards_dir(&stack)), &tap, |builder| builder)
        .await;
    let ended = stack.outcome_that_is("SUCCEEDED").await;
    assert_eq!(
        (&ended["attempt"], &ended["result"]),
        (&json!(2), &json!({"inserted": 2, "skipped": 1}))
    );
    stack.until_no_tasks().await;
    second.stop().await;
    assert_eq!(count(shards_dir(&stack)).await.unwrap()["north-harbour"], 2);
    stack.end().await;
}

#[test]
fn the_catalog_and_the_consumer_take_the_same_accounts() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let long = ["a".repeat(64), "a".repeat(65)];
    let plain = ["a", "A", "_", "0.b", "North-Harbour_2", "a..b", &long[0]];
    let others = ["", ".", ".a", "-a", "a b", "a/b", "a\n", "ä", &long[1]];
    for account in plain.into_iter().chain(others) {
        let is_valid = schema.is_valid(&json!({"account": account, "reference": "r", "contacts": []}));
        assert_eq!(is_valid, plain.contains(&account), "{account:?}");
        assert_eq!(
            Account::try_from(account.to_owned()).is_ok(),
            is_valid,
            "{account:?}"
        );
    }
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../catalog/contacts.import.schema.json")).unwrap()
}

#[tokio::test]
async fn the_demos_contacts_are_valid_and_all_end_up_as_rows_or_as_skipped() {
    let schema = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema())
        .unwrap();
    let payloads: Vec<Value> =
        serde_json::from_str(include_str!("../../../catalog/examples/contacts.json")).unwrap();
    assert!(payloads.iter().all(|payload| schema.is_valid(payload)));

    let stack = Stack::start(30).await;
    let handler = ContactsImport::new(shards_dir(&stack));
    let consumer = stack
        .run(handler, &tap().0, |builder| builder.concurrency(8))
        .await;
    for payload in &payloads {
        stack.submit(JOB_TYPE, payload).await;
    }
    let (mut inserted, mut skipped) = (0, 0);
    for _ in &payloads {
        let result = stack.outcome_that_is("SUCCEEDED").await["result"].clone();
        inserted += result["inserted"].as_u64().unwrap();
        skipped += result["skipped"].as_u64().unwrap();
    }
    assert_eq!((inserted, skipped), (978, 22));
    stack.until_no_tasks().await;
    consumer.stop().await;
    let rows = count(shards_dir(&stack)).await.unwrap();
    assert_eq!(rows.values().sum::<u64>(), inserted);
    assert_eq!(rows.len(), payloads.len());
    stack.end().await;
}
