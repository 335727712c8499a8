//! `kill -9` between two lines: nothing lost, nothing doubled.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use crate::consumer::Consumer;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::world::{Answer, http, request};

async fn token(edge: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "acme"),
        ("client_secret", "acme-secret"),
    ];
    let answer = Answer::read(http().post(format!("{edge}/oauth2/token")).form(&form)).await;
    answer.body["access_token"].as_str().unwrap().to_owned()
}

async fn get(process: &Process, path: &str) -> Answer {
    Answer::read(
        http()
            .get(format!("{}{path}", process.address))
            .bearer_auth(token(&process.address).await),
    )
    .await
}

async fn submit(process: &Process) -> String {
    let post = http()
        .post(format!("{}/v1/jobs", process.address))
        .bearer_auth(token(&process.address).await);
    let answer = Answer::read(post.json(&request("r-1"))).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body["jobId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_job_committed_but_not_sent_is_sent_by_the_next_process() {
    let (proxy, folder) = (Proxy::start().await, tempfile::tempdir().unwrap());
    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    proxy.hold("SendMessageBatch");
    let job = submit(&process).await;
    // The claim is committed, the request is under way and will never arrive.
    proxy.arrived().await;
    process.kill().await;
    proxy.release();
    let consumer = Consumer::connect(&proxy.direct).await;
    assert_eq!(consumer.count(&consumer.jobs).await, 0);

    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let task = consumer.task().await;
    assert_eq!(
        (&task.body["jobId"], &task.body["dispatch"]),
        (&json!(job), &json!(1))
    );
    assert_eq!(consumer.count(&consumer.jobs).await, 0, "it was sent once");
    process.kill().await;
    proxy.stop().await;
}

#[tokio::test]
async fn an_outcome_committed_but_not_deleted_changes_nothing_when_it_comes_again() {
    let (proxy, folder) = (Proxy::start().await, tempfile::tempdir().unwrap());
    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let consumer = Consumer::connect(&proxy.direct).await;
    // So that the message comes again soon.
    let short = consumer
        .client
        .set_queue_attributes()
        .queue_url(&consumer.results);
    short
        .attributes(QueueAttributeName::VisibilityTimeout, "1")
        .send()
        .await
        .unwrap();
    let job = submit(&process).await;
    let task = consumer.task().await;
    proxy.hold("DeleteMessageBatch");
    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
        .await;
    // The commit comes before the request to delete.
    proxy.arrived().await;
    let done = get(&process, &format!("/v1/jobs/{job}")).await.body;
    assert_eq!(done["state"], "JOB_STATE_SUCCEEDED");
    process.kill().await;
    assert_eq!(
        consumer.count(&consumer.results).await,
        1,
        "the message is still there"
    );
    proxy.release();

    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    consumer.settled().await;
    assert_eq!(get(&process, &format!("/v1/jobs/{job}")).await.body, done);
    process.kill().await;
    proxy.stop().await;
}
