//! Cancellation over the whole stack: at once while nobody can have begun, a wish afterwards, which consumers are told.

use postern_proto::postern::v1::{CancelJobRequest, JobState, Progress};
use postern_proto::postern::work::v1::work_service_client::WorkServiceClient;
use postern_proto::postern::work::v1::{BeginTaskRequest, Decision, HeartbeatRequest};
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
async fn a_consumer_that_asks_before_it_begins_is_told_to_drop_the_task() {
    let world = World::start().await;
    let (rest, worker, consumer) = (world.rest("acme"), world.rest("worker"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    let asked = rest.post(&format!("/v1/jobs/{id}:cancel"), &json!({})).await;
    assert_eq!(
        (asked.status, &asked.body["state"], &asked.body["cancelRequested"]),
        (200, &json!("JOB_STATE_QUEUED"), &json!(true))
    );
    let token = &task.body["outcomeToken"];
    let begin = json!({"outcomeToken": token, "attempt": 1});
    let begun = worker.post("/v1/work/tasks:begin", &begin).await;
    assert_eq!(
        (begun.status, &begun.body),
        (200, &json!({"decision": "DECISION_CANCELLED"}))
    );
    rest.until(id, "JOB_STATE_CANCELLED").await;
    world.stop().await;
}

#[tokio::test]
async fn a_running_job_learns_of_a_cancellation_by_its_heartbeats() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let grpc = world.grpc("worker").await;
    let mut work = WorkServiceClient::new(grpc.channel.clone());
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    let token = task.body["outcomeToken"].as_str().unwrap();
    let begin = BeginTaskRequest {
        outcome_token: token.to_owned(),
        attempt: 1,
    };
    let begun = work.begin_task(grpc.ask(begin)).await.unwrap().into_inner();
    assert_eq!(begun.decision(), Decision::Go);
    let running = rest.until(id, "JOB_STATE_RUNNING").await;
    assert_eq!(
        running["deadline"].as_str().unwrap(),
        begun.deadline.unwrap().to_string()
    );
    rest.post(&format!("/v1/jobs/{id}:cancel"), &json!({})).await;
    let heartbeat = HeartbeatRequest {
        outcome_token: token.to_owned(),
        progress: Some(Progress {
            completed: 1,
            total: 2,
            message: "half".to_owned(),
        }),
        attempt: 1,
    };
    let beat = work.heartbeat(grpc.ask(heartbeat)).await.unwrap().into_inner();
    assert_eq!((beat.decision(), beat.cancel_requested), (Decision::Go, true));
    let told = rest.get(&format!("/v1/jobs/{id}")).await.body;
    assert_eq!(
        (&told["state"], &told["progress"]["message"]),
        (&json!("JOB_STATE_RUNNING"), &json!("half"))
    );
    consumer
        .send(&task.outcome_with("CANCELLED", &json!({"attempt": 1})))
        .await;
    rest.until(id, "JOB_STATE_CANCELLED").await;
    world.stop().await;
}

#[tokio::test]
async fn the_work_service_is_for_consumers_and_takes_no_forged_token() {
    let world = World::start().await;
    let begin = json!({"outcomeToken": "forged", "attempt": 1});
    for path in ["/v1/work/tasks:begin", "/v1/work/tasks:heartbeat"] {
        let partner = world.rest("acme").post(path, &begin).await;
        assert_eq!((partner.status, partner.reason()), (403, "SCOPE_MISSING"));
        let forged = world.rest("worker").post(path, &begin).await;
        assert_eq!((forged.status, forged.reason()), (400, "OUTCOME_TOKEN_INVALID"));
    }
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
