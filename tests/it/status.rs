//! How operators see that things stand.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::world::{Rest, SOON, World, request};

#[tokio::test]
async fn operators_see_what_lies_in_the_queues_and_what_waits() {
    let world = World::start().await;
    let operator = world.rest("operator");
    let job = world.rest("acme").submit(&request("r-1")).await;
    let consumer = world.consumer().await;
    let task = consumer.receive().await.unwrap();
    // Its message is there before the server has noted that it is.
    let status = until(&operator, |status| status["jobTypes"][0]["notStarted"] == "1").await;
    let queue = |name: &str, role: &str, in_flight: &str| {
        json!({
            "name": name, "role": role, "visible": "0", "inFlight": in_flight, "delayed": "0", "error": "",
            "deadLetterQueue": format!("{name}-dlq"), "deadLetters": "0", "maxReceiveCount": 5,
            "visibilityTimeoutSeconds": 30, "messageBytesMax": 1_048_576,
        })
    };
    let tasks = queue("postern-jobs", "QUEUE_ROLE_TASKS", "1");
    let outcomes = queue("postern-results", "QUEUE_ROLE_OUTCOMES", "0");
    assert_eq!(status["queues"], json!([tasks, outcomes]));
    let waits = json!({
        "jobType": "contacts.import", "queue": "postern-jobs", "unsent": "0", "notStarted": "1",
        "oldestNotStartedTime": job["updateTime"], "running": "0", "overdue": "0", "held": "0",
    });
    assert_eq!(status["jobTypes"], json!([waits]));

    consumer.delete(&task).await;
    consumer.send_text("nonsense").await;
    consumer.send(&task.outcome("STARTED")).await;
    let id = job["jobId"].as_str().unwrap();
    world.rest("acme").until(id, "JOB_STATE_RUNNING").await;
    consumer.settled().await;
    let status = operator.get("/admin/v1/status").await.body;
    assert_eq!(
        (&status["jobTypes"][0]["running"], &status["quarantined"]),
        (&json!("1"), &json!("1"))
    );
    world.stop().await;
}

/// The status once this holds of it.
async fn until(operator: &Rest, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + SOON;
    loop {
        let status = operator.get("/admin/v1/status").await;
        assert_eq!(status.status, 200, "{}", status.body);
        if holds(&status.body) {
            return status.body;
        }
        assert!(Instant::now() < deadline, "{}", status.body);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn partners_do_not() {
    let world = World::start().await;
    let refused = world.rest("acme").get("/admin/v1/status").await;
    assert_eq!((refused.status, refused.reason()), (403, "SCOPE_MISSING"));
    world.stop().await;
}
