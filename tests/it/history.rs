//! Histories over the whole stack: what happened to a job, in order and in pages, in words for partners.

use postern_proto::postern::v1::{JobState, ListJobEventsRequest};
use serde_json::json;
use tonic::Code;

use crate::world::{World, reason, request};

#[tokio::test]
async fn a_partner_reads_what_happened_to_its_job_in_order_and_in_pages() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let first = consumer.task().await;
    consumer
        .send(&first.outcome_with("FAILED", &json!({"retryable": true, "retryDelaySeconds": 0})))
        .await;
    let second = consumer.task().await;
    consumer.send(&second.outcome("STARTED")).await;
    rest.until(id, "JOB_STATE_RUNNING").await;
    consumer.send(&second.outcome("SUCCEEDED")).await;
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    consumer.send(&first.outcome("SUCCEEDED")).await;
    consumer.settled().await;

    let (mut events, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/jobs/{id}/events?pageSize=3&pageToken={token}");
        let page = rest.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        events.extend(page.body["events"].as_array().unwrap().clone());
        token = page.body["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    // A mark of a sending may come after what its consumer told.
    let told: Vec<_> = events
        .iter()
        .filter(|event| event["type"] != "sent")
        .map(|event| {
            (
                event["type"].as_str().unwrap(),
                event["dispatch"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("submitted", 1),
            ("retry_scheduled", 2),
            ("started", 2),
            ("succeeded", 2),
            ("late_outcome", 2),
        ]
    );
    for event in &events {
        let message = event["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("queue"), "{event}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_history_is_its_partners_alone() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let ask = ListJobEventsRequest {
        job_id: id.to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let mut grpc = world.grpc("acme").await;
    let page = grpc.jobs.list_job_events(grpc.ask(ask.clone())).await.unwrap();
    assert_eq!(page.into_inner().events[0].state(), JobState::Queued);
    let mut grpc = world.grpc("globex").await;
    let status = grpc.jobs.list_job_events(grpc.ask(ask)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    let wrong = rest.get(&format!("/v1/jobs/{id}/events?pageToken=x")).await;
    assert_eq!((wrong.status, wrong.reason()), (400, "PAGE_TOKEN_INVALID"));
    world.stop().await;
}
