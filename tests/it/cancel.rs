//! Cancellation over the whole stack: at once while nobody can have begun, a wish afterwards.

use postern_proto::postern::v1::{CancelJobRequest, JobState};
use serde_json::json;
use tonic::Code;

use crate::world::{Answer, World, reason, request};

#[tokio::test]
async fn a_job_in_its_backoff_is_cancelled_at_once_and_never_comes_back() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    let retry = json!({"retryable": true, "retryDelaySeconds": 3600});
    consumer.send(&task.outcome_with("FAILED", &retry)).await;
    let waiting = rest
        .get(&format!("/v1/jobs/{id}?wait=20s&afterRevision=1"))
        .await
        .body;
    assert_eq!(waiting["dispatch"], 2);
    let path = format!("/v1/jobs/{id}:cancel");
    let cancelled = rest.post(&path, &json!({"reason": "wrong list"})).await;
    assert_eq!(cancelled.status, 200);
    assert_eq!(
        (
            &cancelled.body["state"],
            &cancelled.body["revision"],
            &cancelled.body["cancelRequested"]
        ),
        (&json!("JOB_STATE_CANCELLED"), &json!(3), &json!(false))
    );
    assert!(cancelled.body["endTime"].is_string() && cancelled.body["purgeTime"].is_string());
    // What it held is free, and cancelling again is fine, without a body too.
    rest.submit(&request("r-1")).await;
    let again = Answer::read(rest.request(reqwest::Method::POST, &path)).await;
    assert_eq!((again.status, &again.body), (200, &cancelled.body));
    let history = world
        .sql("SELECT message FROM job_events WHERE kind = 'cancelled'")
        .await;
    assert_eq!(history, ["cancelled before it was handed out: wrong list"]);
    world.stop().await;
}

#[tokio::test]
async fn a_job_that_was_handed_out_is_asked_to_stop_and_its_consumer_decides() {
    let world = World::start().await;
    let (rest, consumer, mut grpc) = (
        world.rest("acme"),
        world.consumer().await,
        world.grpc("acme").await,
    );
    for (event, state) in [
        ("CANCELLED", "JOB_STATE_CANCELLED"),
        ("SUCCEEDED", "JOB_STATE_SUCCEEDED"),
    ] {
        let job = rest.submit(&request(event)).await;
        let id = job["jobId"].as_str().unwrap();
        let task = consumer.task().await;
        let cancel = CancelJobRequest {
            job_id: id.to_owned(),
            reason: "changed our mind".to_owned(),
        };
        let asked = grpc.jobs.cancel_job(grpc.ask(cancel)).await.unwrap();
        let asked = asked.into_inner().job.unwrap();
        assert_eq!(
            (asked.state(), asked.cancel_requested, asked.revision),
            (JobState::Queued, true, 2)
        );
        consumer.send(&task.outcome(event)).await;
        let ended = rest.until(id, state).await;
        assert_eq!(ended["cancelRequested"], true);
    }
    world.stop().await;
}

#[tokio::test]
async fn what_ended_otherwise_and_what_is_anothers_is_not_cancelled() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let path = format!("/v1/jobs/{id}:cancel");
    let other = world.rest("globex").post(&path, &json!({})).await;
    assert_eq!((other.status, other.reason()), (404, "JOB_NOT_FOUND"));
    let mut grpc = world.grpc("globex").await;
    let cancel = CancelJobRequest {
        job_id: id.to_owned(),
        reason: String::new(),
    };
    let status = grpc.jobs.cancel_job(grpc.ask(cancel)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    let task = consumer.task().await;
    consumer.send(&task.outcome("SUCCEEDED")).await;
    let done = rest.until(id, "JOB_STATE_SUCCEEDED").await;
    assert_eq!(done["cancelRequested"], false);
    let late = rest.post(&path, &json!({})).await;
    assert_eq!((late.status, late.reason()), (400, "JOB_TERMINAL"));
    let long = rest.post(&path, &json!({"reason": "x".repeat(257)})).await;
    assert_eq!(long.violations(), [("/reason".to_owned(), "TOO_LONG".to_owned())]);
    world.stop().await;
}

#[tokio::test]
async fn cancelling_has_a_scope_of_its_own() {
    let world = World::start().await;
    let scopes = Some("jobs/read jobs/submit");
    let hour = std::time::Duration::from_hours(1);
    let token = world.stack.issuer.token("acme", scopes, hour).unwrap();
    let rest = world.rest("acme").with_token(&token);
    let job = rest.submit(&request("r-1")).await;
    let path = format!("/v1/jobs/{}:cancel", job["jobId"].as_str().unwrap());
    let refused = rest.post(&path, &json!({})).await;
    assert_eq!((refused.status, refused.reason()), (403, "SCOPE_MISSING"));
    world.stop().await;
}
