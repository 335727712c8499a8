//! Polling: validators, long polls, and nobody else's jobs.

use std::time::Duration;

use postern_proto::postern::v1::GetJobRequest;
use tokio::time::Instant;
use tonic::Code;

use crate::world::{Answer, World, reason, request};

#[tokio::test]
async fn a_poll_says_when_to_come_back_and_whether_anything_changed() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let job = rest.submit(&request("r-1")).await;
    let path = format!("/v1/jobs/{}", job["jobId"].as_str().unwrap());
    let answer = rest.get(&path).await;
    assert_eq!(
        (
            answer.status,
            answer.header("etag"),
            answer.header("retry-after"),
            answer.header("cache-control")
        ),
        (200, "\"1\"", "2", "no-store")
    );
    for validator in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let unchanged = Answer::read(
            rest.request(reqwest::Method::GET, &path)
                .header("if-none-match", validator),
        )
        .await;
        assert_eq!(
            (
                unchanged.status,
                unchanged.header("etag"),
                unchanged.body.as_str()
            ),
            (304, "\"1\"", Some("")),
            "{validator}"
        );
    }
    let changed = Answer::read(
        rest.request(reqwest::Method::GET, &path)
            .header("if-none-match", "\"2\""),
    )
    .await;
    assert_eq!(changed.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn a_long_poll_returns_at_the_first_change_after_a_revision() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let path = format!(
        "/v1/jobs/{}?wait=30s&afterRevision=1",
        job["jobId"].as_str().unwrap()
    );
    let began = Instant::now();
    let (answer, ()) = tokio::join!(rest.get(&path), async {
        let task = consumer.task().await;
        consumer.send(&task.outcome("STARTED")).await;
    });
    assert_eq!(
        (answer.body["state"].as_str(), answer.body["revision"].as_i64()),
        (Some("JOB_STATE_RUNNING"), Some(2))
    );
    assert!(began.elapsed() < Duration::from_secs(15));
    world.stop().await;
}

#[tokio::test]
async fn a_long_poll_without_revision_returns_once_the_job_is_terminal() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let path = format!("/v1/jobs/{}?wait=30s", job["jobId"].as_str().unwrap());
    let (answer, ()) = tokio::join!(rest.get(&path), async {
        let task = consumer.task().await;
        consumer.send(&task.outcome("STARTED")).await;
        consumer.send(&task.outcome("SUCCEEDED")).await;
    });
    assert_eq!(answer.body["state"], "JOB_STATE_SUCCEEDED");
    assert_eq!(answer.header("retry-after"), "");
    world.stop().await;
}

#[tokio::test]
async fn a_long_poll_whose_time_is_up_returns_the_job_as_it_is() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let job = rest.submit(&request("r-1")).await;
    let answer = rest
        .get(&format!("/v1/jobs/{}?wait=0.2s", job["jobId"].as_str().unwrap()))
        .await;
    assert_eq!((answer.status, answer.body["revision"].as_i64()), (200, Some(1)));
    world.stop().await;
}

#[tokio::test]
async fn a_revision_that_is_not_there_yet_is_out_of_range() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    for query in ["afterRevision=2", "wait=10s&afterRevision=2"] {
        let answer = rest.get(&format!("/v1/jobs/{id}?{query}")).await;
        assert_eq!(
            (answer.status, answer.reason(), &answer.body["error"]["status"]),
            (400, "REVISION_AHEAD", &"OUT_OF_RANGE".into())
        );
    }
    let mut grpc = world.grpc("acme").await;
    let ask = grpc.ask(GetJobRequest {
        job_id: id.to_owned(),
        wait: None,
        after_revision: Some(2),
    });
    let status = grpc.jobs.get_job(ask).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::OutOfRange, "REVISION_AHEAD")
    );
    world.stop().await;
}

#[tokio::test]
async fn another_partners_job_is_not_found_like_one_that_does_not_exist() {
    let world = World::start().await;
    let job = world.rest("acme").submit(&request("r-1")).await;
    let globex = world.rest("globex");
    for id in [
        job["jobId"].as_str().unwrap(),
        "job_00000000000000000000000000",
        "job_nope",
        "nope",
        "job:7",
    ] {
        let answer = globex.get(&format!("/v1/jobs/{id}")).await;
        assert_eq!((answer.status, answer.reason()), (404, "JOB_NOT_FOUND"), "{id}");
        let watched = globex.get(&format!("/v1/jobs/{id}:watch")).await;
        assert_eq!((watched.status, watched.reason()), (404, "JOB_NOT_FOUND"), "{id}");
    }
    world.stop().await;
}
