//! Retries over the whole stack: a job that failed is done again as a new one, once.

use postern_proto::postern::v1::RetryJobRequest;
use serde_json::json;
use tonic::Code;

use crate::watch::Stream;
use crate::world::{Answer, World, reason, request};

#[tokio::test]
async fn a_failed_job_is_done_again_as_a_new_one_and_names_it() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut body = request("r-1");
    body["labels"] = json!({"team": "crm"});
    body["requestId"] = json!("order-1");
    let old = rest.submit(&body).await;
    let path = format!("/v1/jobs/{}", old["jobId"].as_str().unwrap());
    let retry = format!("{path}:retry");
    let early = rest.post(&retry, &json!({})).await;
    assert_eq!((early.status, early.reason()), (400, "JOB_NOT_TERMINAL"));
    let task = consumer.task().await;
    consumer.send(&task.outcome("FAILED")).await;
    let failed = rest
        .until(old["jobId"].as_str().unwrap(), "JOB_STATE_FAILED")
        .await;

    let made = Answer::read(rest.request(reqwest::Method::POST, &retry)).await;
    assert_eq!(made.status, 202, "{}", made.body);
    let new = made.body["jobId"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/v1/jobs/{new}"));
    assert_eq!(
        (
            &made.body["retriedFrom"],
            &made.body["requestId"],
            &made.body["labels"]
        ),
        (&old["jobId"], &json!(""), &body["labels"])
    );
    let told = rest.get(&path).await.body;
    assert_eq!(
        (&told["retriedBy"], told["revision"].as_i64()),
        (
            &made.body["jobId"],
            Some(failed["revision"].as_i64().unwrap() + 1)
        )
    );
    // A watcher that has seen the end sees this, too.
    let after = format!("{path}:watch?afterRevision={}", failed["revision"]);
    let mut watch = Stream::open(&rest, &after, &[]).await;
    assert_eq!(watch.event().await.unwrap().data["retriedBy"], new);

    let second = consumer.task().await;
    assert_eq!(
        (
            &second.body["jobId"],
            &second.body["payload"],
            &second.body["dispatch"]
        ),
        (&made.body["jobId"], &body["payload"], &json!(1))
    );
    consumer.send(&second.outcome("SUCCEEDED")).await;
    let done = rest.until(new, "JOB_STATE_SUCCEEDED").await;
    let again = rest.post(&retry, &json!({})).await;
    assert_eq!((again.status, &again.body), (202, &done));
    let refused = rest.post(&format!("/v1/jobs/{new}:retry"), &json!({})).await;
    assert_eq!((refused.status, refused.reason()), (400, "JOB_SUCCEEDED"));
    world.stop().await;
}

#[tokio::test]
async fn a_retry_competes_for_its_unique_value_like_any_new_job() {
    let world = World::start().await;
    let (rest, consumer, mut grpc) = (
        world.rest("acme"),
        world.consumer().await,
        world.grpc("acme").await,
    );
    let old = rest.submit(&request("r-1")).await;
    let id = old["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    consumer.send(&task.outcome("FAILED")).await;
    rest.until(id, "JOB_STATE_FAILED").await;
    let holder = rest.submit(&request("r-1")).await;
    let refused = rest.post(&format!("/v1/jobs/{id}:retry"), &json!({})).await;
    assert_eq!((refused.status, refused.reason()), (409, "UNIQUE_CONSTRAINT"));
    assert!(
        refused
            .body
            .to_string()
            .contains(holder["jobId"].as_str().unwrap())
    );
    let told = rest.get(&format!("/v1/jobs/{id}")).await.body;
    assert_eq!(told["retriedBy"], "");

    let ask = RetryJobRequest {
        job_id: id.to_owned(),
    };
    let status = grpc.jobs.retry_job(grpc.ask(ask.clone())).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::AlreadyExists, "UNIQUE_CONSTRAINT")
    );
    let mut other = world.grpc("globex").await;
    let status = other.jobs.retry_job(other.ask(ask)).await.unwrap_err();
    assert_eq!(reason(&status), "JOB_NOT_FOUND");
    world.stop().await;
}
