//! Each thing that an operator can do to a job, done to one that is stuck, dead-lettered or overdue.

use postern::stack::Stack;
use serde_json::{Value, json};

use super::desk::{Desk, id};
use crate::consumer::Consumer;
use crate::dead_letters::die;
use crate::world::{Rest, World};

const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/catalog");

/// With job types whose dead letters fail their jobs (`any`), and wait for an operator (`held`).
pub(super) async fn world() -> World {
    World::start_with(|settings| settings.catalog = Some(CATALOG.to_owned())).await
}

pub(super) async fn submit(rest: &Rest, job_type: &str) -> String {
    id(&rest.submit(&json!({"jobType": job_type})).await)
}

/// A job whose consumer took the task and was never heard of again.
async fn stuck(rest: &Rest, consumer: &Consumer) -> String {
    let job = submit(rest, "any").await;
    consumer.task().await;
    job
}

/// What an operator does last stands in the history with their name; partners read "operator" at most, and never the reason.
pub(super) async fn assert_told(desk: &Desk<'_>, rest: &Rest, job: &str, kind: &str) {
    let history = desk.history(job).await;
    let entry = history.iter().rev().find(|(of, ..)| of == kind);
    let (_, _, operator) = entry.unwrap_or_else(|| panic!("no {kind} in {history:?}"));
    assert_eq!(operator, "operator");
    let partners = rest.get(&format!("/v1/jobs/{job}/events")).await.body;
    assert!(!partners.to_string().contains("ticket 7"), "{partners}");
}

#[tokio::test]
async fn a_stuck_job_is_found_and_ended_and_what_comes_later_changes_nothing() {
    let world = world().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = submit(&rest, "any").await;
    let task = consumer.task().await;
    let desk = Desk::new(&world);
    desk.until(&["jobs", "list", "--condition", "not-started"], &job)
        .await;
    let ended = desk
        .one(&["jobs", "end", &job, "--reason", "its consumer is gone"])
        .await;
    assert_eq!(ended["job"]["state"], "JOB_STATE_FAILED");
    let seen = rest.get(&format!("/v1/jobs/{job}")).await.body;
    let error = &seen["error"];
    assert_eq!(
        (&error["details"][0]["reason"], &error["message"]),
        (&json!("ENDED_BY_OPERATOR"), &json!("its consumer is gone"))
    );
    assert_told(&desk, &rest, &job, "failed").await;

    consumer.send(&task.outcome("SUCCEEDED")).await;
    let anomalous = desk
        .until(&["jobs", "list", "--condition", "anomalous"], &job)
        .await;
    assert_eq!(anomalous["job"]["state"], "JOB_STATE_FAILED");
    let again = desk.run(&["jobs", "end", &job, "--reason", "x"]).await;
    assert_eq!(again.code, 1, "{}", again.err);
    assert!(again.err.contains("JOB_TERMINAL"), "{}", again.err);
    world.stop().await;
}

#[tokio::test]
async fn a_stuck_job_whose_work_is_known_to_be_done_succeeds_on_an_operators_word() {
    let world = world().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = stuck(&rest, &consumer).await;
    let desk = Desk::at_edge(&world);
    let args = [
        "jobs",
        "end",
        &job,
        "--as",
        "succeeded",
        "--result",
        r#"{"inserted":3}"#,
        "--reason",
        "ticket 7",
    ];
    let ended = desk.one(&args).await;
    assert_eq!(ended["job"]["state"], "JOB_STATE_SUCCEEDED");
    let seen = rest.get(&format!("/v1/jobs/{job}")).await.body;
    assert_eq!(seen["result"], json!({"inserted": 3}));
    assert_told(&desk, &rest, &job, "succeeded").await;
    let several = desk
        .run(&["jobs", "end", &job, &job, "--as", "succeeded", "--reason", "x"])
        .await;
    assert_eq!(several.code, 2, "{}", several.err);
    let unreadable = desk
        .run(&[
            "jobs",
            "end",
            &job,
            "--as",
            "succeeded",
            "--result",
            "[]",
            "--reason",
            "x",
        ])
        .await;
    assert_eq!(unreadable.code, 2, "{}", unreadable.err);
    world.stop().await;
}

#[tokio::test]
async fn a_held_dead_letter_is_redriven_and_executed() {
    let world = world().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = submit(&rest, "held").await;
    die(&consumer).await;
    let desk = Desk::new(&world);
    let held = desk.until(&["jobs", "list", "--condition", "held"], &job).await;
    assert_eq!(held["deadLetter"], "DEAD_LETTER_HELD");
    desk.one(&["jobs", "redrive", &job, "--reason", "ticket 7"]).await;
    let task = consumer.task().await;
    assert_eq!(
        (&task.body["jobId"], &task.body["dispatch"]),
        (&json!(job), &json!(1))
    );
    consumer.send(&task.outcome("SUCCEEDED")).await;
    rest.until(&job, "JOB_STATE_SUCCEEDED").await;
    assert_told(&desk, &rest, &job, "redriven").await;
    let again = desk.run(&["jobs", "redrive", &job, "--reason", "x"]).await;
    assert_eq!(again.code, 1, "{}", again.err);
    world.stop().await;
}

#[tokio::test]
async fn a_dead_lettered_job_that_failed_is_retried_for_its_partner() {
    let world = world().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = submit(&rest, "any").await;
    die(&consumer).await;
    let desk = Desk::new(&world);
    let dead = desk
        .until(&["jobs", "list", "--condition", "dead-lettered"], &job)
        .await;
    assert_eq!(dead["deadLetter"], "DEAD_LETTER_FAILING");
    desk.one(&["jobs", "end", &job, "--reason", "nobody can read it"])
        .await;
    let successor = desk.one(&["jobs", "retry", &job, "--reason", "ticket 7"]).await;
    assert_eq!(successor["partnerId"], "acme");
    assert_eq!(successor["job"]["retriedFrom"], job);
    let seen = rest.get(&format!("/v1/jobs/{}", id(&successor["job"]))).await;
    assert_eq!((seen.status, &seen.body["retriedFrom"]), (200, &json!(job)));
    let same = desk.one(&["jobs", "retry", &job, "--reason", "again"]).await;
    assert_eq!(id(&same["job"]), id(&successor["job"]), "one successor at most");
    consumer.task().await;
    world.stop().await;
}

#[tokio::test]
async fn an_overdue_job_is_found_before_it_expires_and_cancelled_or_ended() {
    let mut world = world().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let asked = json!({"jobType": "any", "executionTimeout": "1s"});
    let job = id(&rest.submit(&asked).await);
    let task = consumer.task().await;
    consumer.send(&task.outcome("STARTED")).await;
    rest.until(&job, "JOB_STATE_RUNNING").await;
    // Its consumer may have told of it meanwhile: nobody expires it before the server has listened for a minute.
    world.stack.stop().await.unwrap();
    world.stack = Stack::start(&world.config, false).await.unwrap();
    let (rest, desk) = (world.rest("acme"), Desk::new(&world));
    let overdue = desk
        .until(&["jobs", "list", "--condition", "overdue"], &job)
        .await;
    assert_eq!(overdue["job"]["state"], "JOB_STATE_RUNNING");
    let asked = desk.one(&["jobs", "cancel", &job, "--reason", "ticket 7"]).await;
    assert_eq!(asked["job"]["cancelRequested"], true);
    assert_told(&desk, &rest, &job, "cancel_requested").await;
    desk.one(&["jobs", "end", &job, "--reason", "it does not stop"])
        .await;
    assert_told(&desk, &rest, &job, "failed").await;
    world.stop().await;
}

#[tokio::test]
async fn what_operators_did_is_told_newest_first() {
    let world = world().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = stuck(&rest, &consumer).await;
    let desk = Desk::new(&world);
    desk.one(&["jobs", "cancel", &job, "--reason", "first"]).await;
    desk.one(&["jobs", "end", &job, "--reason", "second"]).await;
    let actions = desk.json(&["actions"]).await;
    let told: Vec<_> = actions
        .iter()
        .map(|action| (&action["type"], &action["reason"], &action["operator"]))
        .collect();
    let by = json!("operator");
    assert_eq!(
        told,
        [
            (&json!("end"), &json!("second"), &by),
            (&json!("cancel"), &json!("first"), &by)
        ]
    );
    assert!(
        actions
            .iter()
            .all(|action: &Value| action["jobId"] == job.as_str())
    );
    let newest = desk.one(&["actions", "--limit", "1"]).await;
    assert_eq!(newest["reason"], "second");
    world.stop().await;
}
