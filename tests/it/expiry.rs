//! Deadlines over the whole stack: what is not heard of in time becomes EXPIRED, and stays so.

use serde_json::{Value, json};

use crate::world::{World, request};

fn short(reference: &str, timeout: &str) -> Value {
    let mut body = request(reference);
    body[timeout] = json!("0.5s");
    body
}

#[tokio::test]
async fn a_job_whose_consumer_dies_expires_and_a_late_success_changes_nothing() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&short("r-1", "executionTimeout")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    consumer.send(&task.outcome("STARTED")).await;
    let expired = rest.until(id, "JOB_STATE_EXPIRED").await;
    assert_eq!(
        (&expired["revision"], &expired["error"]["code"]),
        (&json!(3), &json!(4))
    );
    let info = &expired["error"]["details"][0];
    assert_eq!(
        (&info["reason"], &info["domain"]),
        (&json!("EXECUTION_TIMEOUT"), &json!("postern"))
    );
    assert!(expired["startTime"].is_string() && expired["endTime"].is_string());
    assert!(expired["purgeTime"].is_string());

    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
        .await;
    consumer.settled().await;
    assert_eq!(rest.get(&format!("/v1/jobs/{id}")).await.body, expired);
    let history = world.sql("SELECT kind FROM job_events ORDER BY number").await;
    assert_eq!(
        history,
        ["submitted", "sent", "started", "expired", "late_outcome"]
    );
    let counted = world
        .sql("SELECT CAST(value AS TEXT) FROM counters WHERE name = 'anomalies'")
        .await;
    assert_eq!(counted, ["1"]);
    // What it held is free.
    rest.submit(&request("r-1")).await;
    world.stop().await;
}

#[tokio::test]
async fn a_job_that_nobody_takes_expires_and_its_watcher_is_told() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let job = rest.submit(&short("r-1", "queueTimeout")).await;
    let id = job["jobId"].as_str().unwrap();
    let watch = rest
        .request(reqwest::Method::GET, &format!("/v1/jobs/{id}:watch"))
        .header("accept", "application/x-ndjson")
        .send();
    let lines = watch.await.unwrap().text().await.unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["state"], &last["error"]["details"][0]["reason"]),
        (&json!("JOB_STATE_EXPIRED"), &json!("QUEUE_TIMEOUT"))
    );
    assert!(last.get("startTime").is_none());
    world.stop().await;
}
