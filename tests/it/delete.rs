//! Deletion over the whole stack: what has ended goes with all that belongs to it, and nothing else does.

use postern_proto::postern::v1::{DeleteJobRequest, GetJobRequest};
use reqwest::Method;
use serde_json::json;
use tonic::Code;

use crate::world::{Answer, World, payload, reason, request};

#[tokio::test]
async fn a_job_that_has_ended_is_deleted_and_its_key_is_free() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut body = request("r-1");
    body["requestId"] = json!("order-1");
    body["labels"] = json!({"team": "crm"});
    let job = rest.submit(&body).await;
    let id = job["jobId"].as_str().unwrap();
    let path = format!("/v1/jobs/{id}");
    let early = Answer::read(rest.request(Method::DELETE, &path)).await;
    assert_eq!((early.status, early.reason()), (400, "JOB_NOT_TERMINAL"));
    let task = consumer.task().await;
    let done = json!({"result": {"inserted": 1}});
    consumer.send(&task.outcome_with("SUCCEEDED", &done)).await;
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    let others = Answer::read(world.rest("globex").request(Method::DELETE, &path)).await;
    assert_eq!((others.status, others.reason()), (404, "JOB_NOT_FOUND"));

    let deleted = Answer::read(rest.request(Method::DELETE, &path)).await;
    assert_eq!((deleted.status, &deleted.body), (204, &json!("")));
    let again = Answer::read(rest.request(Method::DELETE, &path)).await;
    assert_eq!((again.status, again.reason()), (404, "JOB_NOT_FOUND"));
    assert_eq!(rest.get(&path).await.status, 404);
    assert_eq!(rest.get("/v1/jobs").await.body["jobs"], json!([]));
    for table in [
        "SELECT job_id FROM job_bodies",
        "SELECT job_id FROM job_labels",
        "SELECT job_id FROM job_events",
        "SELECT job_id FROM outcome_events",
        "SELECT job_id FROM unique_keys",
    ] {
        assert_eq!(world.sql(table).await.len(), 0, "{table}");
    }
    // The key, and the reference that was unique.
    let next = rest.submit(&body).await;
    assert_ne!(next["jobId"], job["jobId"]);
    assert_eq!(consumer.task().await.body["payload"], payload("r-1"));
    world.stop().await;
}

#[tokio::test]
async fn a_job_is_deleted_over_grpc_and_its_consumer_finds_none() {
    let world = World::start().await;
    let (rest, consumer, mut grpc) = (
        world.rest("acme"),
        world.consumer().await,
        world.grpc("acme").await,
    );
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    consumer.send(&task.outcome("FAILED")).await;
    rest.until(id, "JOB_STATE_FAILED").await;
    let delete = DeleteJobRequest {
        job_id: id.to_owned(),
    };
    grpc.jobs.delete_job(grpc.ask(delete)).await.unwrap();
    let get = GetJobRequest {
        job_id: id.to_owned(),
        ..Default::default()
    };
    let status = grpc.jobs.get_job(grpc.ask(get)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    let begin = json!({"outcomeToken": task.body["outcomeToken"], "attempt": 1});
    let begun = world.rest("worker").post("/v1/work/tasks:begin", &begin).await;
    assert_eq!((begun.status, begun.reason()), (404, "JOB_NOT_FOUND"));
    world.stop().await;
}

#[tokio::test]
async fn deleting_takes_the_scope_of_cancelling() {
    let world = World::start().await;
    let scopes = Some("jobs/read jobs/submit");
    let hour = std::time::Duration::from_hours(1);
    let token = world.stack.issuer.token("acme", scopes, hour).unwrap();
    let rest = world.rest("acme").with_token(&token);
    let job = rest.submit(&request("r-1")).await;
    let path = format!("/v1/jobs/{}", job["jobId"].as_str().unwrap());
    let refused = Answer::read(rest.request(Method::DELETE, &path)).await;
    assert_eq!((refused.status, refused.reason()), (403, "SCOPE_MISSING"));
    world.stop().await;
}
