//! Dead letters over the whole stack: what partners see of a task that no consumer brings to an outcome.

use serde_json::{Value, json};

use crate::consumer::{Consumer, Task};
use crate::world::{Rest, SOON, World, request};

/// The task once it lies among the dead letters: received as often as the queue allows, and never deleted.
pub(crate) async fn die(consumer: &Consumer) -> Task {
    consumer.die_at_first().await;
    let task = consumer.receive().await.expect("no task came");
    consumer.give_back(&task).await;
    consumer.look().await;
    task
}

/// The events of a job once one is of this kind.
async fn until_event(rest: &Rest, id: &str, kind: &str) -> Vec<Value> {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let page = rest.get(&format!("/v1/jobs/{id}/events")).await.body;
        let events = page["events"].as_array().unwrap().clone();
        if events.iter().any(|event| event["type"] == kind) {
            return events;
        }
        assert!(tokio::time::Instant::now() < deadline, "no {kind} in {events:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_poisonous_task_fails_its_job_and_the_partner_is_told() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    die(&consumer).await;
    let events = until_event(&rest, id, "dead_lettered").await;
    let event = events.last().unwrap();
    assert_eq!(
        (&event["state"], &event["revision"]),
        (&json!("JOB_STATE_QUEUED"), &json!(1))
    );
    // The minute of grace, passed in a moment.
    world.sql("UPDATE jobs SET deadline = 0 RETURNING job_type").await;
    let failed = rest.until(id, "JOB_STATE_FAILED").await;
    let error = &failed["error"];
    assert_eq!(
        (&error["code"], &error["details"][0]["reason"]),
        (&json!(10), &json!("TASK_DEAD_LETTERED"))
    );
    // It can be tried again, by the partner.
    let retry = rest.post(&format!("/v1/jobs/{id}:retry"), &json!({})).await;
    assert_eq!(retry.status, 202, "{}", retry.body);
    world.stop().await;
}

#[tokio::test]
async fn an_outcome_that_was_under_way_when_its_task_died_decides() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = die(&consumer).await;
    until_event(&rest, id, "dead_lettered").await;
    consumer.send(&task.outcome("SUCCEEDED")).await;
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    world.stop().await;
}

#[tokio::test]
async fn a_job_type_may_hold_its_jobs_for_an_operator() {
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/catalog").to_owned();
    let world = World::start_with(|settings| settings.catalog = Some(catalog)).await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest
        .submit(&json!({"jobType": "held", "executionTimeout": "1s"}))
        .await;
    let id = job["jobId"].as_str().unwrap();
    let task = die(&consumer).await;
    let events = until_event(&rest, id, "dead_lettered").await;
    let message = events.last().unwrap()["message"].as_str().unwrap();
    assert!(message.contains("waits for an operator"), "{message}");
    let held = rest.get(&format!("/v1/jobs/{id}")).await.body;
    assert_eq!(
        (&held["state"], &held["revision"]),
        (&json!("JOB_STATE_QUEUED"), &json!(1))
    );
    consumer.send(&task.outcome("SUCCEEDED")).await;
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    world.stop().await;
}

#[tokio::test]
async fn an_operator_sends_a_held_task_again() {
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/catalog").to_owned();
    let world = World::start_with(|settings| settings.catalog = Some(catalog)).await;
    let (rest, operator) = (world.rest("acme"), world.rest("operator"));
    let consumer = world.consumer().await;
    let job = rest
        .submit(&json!({"jobType": "held", "executionTimeout": "1s"}))
        .await;
    let id = job["jobId"].as_str().unwrap();
    die(&consumer).await;
    until_event(&rest, id, "dead_lettered").await;

    let held = operator
        .get("/admin/v1/jobs?filter.condition=JOB_CONDITION_HELD")
        .await
        .body;
    assert_eq!(held["jobs"][0]["job"]["jobId"], id, "{held}");
    assert_eq!(held["jobs"][0]["deadLetter"], "DEAD_LETTER_HELD");
    let redrive = format!("/admin/v1/jobs/{id}:redrive");
    let why = json!({"reason": "the consumer was mended"});
    let redriven = operator.post(&redrive, &why).await;
    assert_eq!(redriven.status, 200, "{}", redriven.body);
    let again = consumer.task().await;
    assert_eq!(again.body["jobId"], id);
    consumer.send(&again.outcome("SUCCEEDED")).await;
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    let refused = operator.post(&redrive, &why).await;
    assert_eq!((refused.status, refused.reason()), (400, "JOB_NOT_HELD"));
    world.stop().await;
}
