//! `kill -9` between two lines: nothing lost, nothing doubled.

use std::path::Path;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::consumer::Consumer;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::world::{Answer, http, request};

pub(crate) async fn token(edge: &str) -> String {
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
    submit_body(process, &request("r-1")).await
}

async fn submit_body(process: &Process, body: &Value) -> String {
    let post = http()
        .post(format!("{}/v1/jobs", process.address))
        .bearer_auth(token(&process.address).await);
    let answer = Answer::read(post.json(body)).await;
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

#[tokio::test]
async fn an_outcome_that_came_while_no_server_was_there_decides_whatever_the_deadline() {
    let (proxy, folder) = (Proxy::start().await, tempfile::tempdir().unwrap());
    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let consumer = Consumer::connect(&proxy.direct).await;
    let mut body = request("r-1");
    body["executionTimeout"] = json!("2s");
    let job = submit_body(&process, &body).await;
    let task = consumer.task().await;
    consumer.send(&task.outcome("STARTED")).await;
    consumer.settled().await;
    let running = get(&process, &format!("/v1/jobs/{job}")).await.body;
    assert_eq!(running["state"], "JOB_STATE_RUNNING");
    process.kill().await;
    consumer.send(&task.outcome("SUCCEEDED")).await;
    let deadline = running["deadline"].as_str().unwrap();
    while prost_types::Timestamp::from(std::time::SystemTime::now())
        .to_string()
        .as_str()
        < deadline
    {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }

    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let ended = get(&process, &format!("/v1/jobs/{job}?wait=20s")).await.body;
    assert_eq!(ended["state"], "JOB_STATE_SUCCEEDED");
    process.kill().await;
    proxy.stop().await;
}

#[tokio::test]
async fn what_was_not_committed_was_not_acknowledged_and_is_no_job_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::dev(folder.path(), None).await;
    let mut database = database(folder.path()).await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut database)
        .await
        .unwrap();
    tokio::select! {
        job = submit(&process) => panic!("{job} was acknowledged before its commit"),
        list = get(&process, "/v1/jobs") => assert_eq!(list.body["jobs"], json!([])),
    }
    process.kill().await;
    sqlx::query("ROLLBACK").execute(&mut database).await.unwrap();

    let process = Process::dev(folder.path(), None).await;
    let list = get(&process, "/v1/jobs").await;
    assert_eq!(list.body["jobs"], json!([]));
    submit(&process).await;
    process.kill().await;
}

#[tokio::test]
async fn a_submission_whose_answer_was_lost_is_the_same_job_when_it_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::dev(folder.path(), None).await;
    let mut body = request("r-1");
    body["requestId"] = json!("order-1");
    let mut database = database(folder.path()).await;
    let committed = async {
        let count = "SELECT COUNT(*) FROM jobs";
        while sqlx::query_scalar::<_, i64>(count)
            .fetch_one(&mut database)
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
    };
    // Whether an answer was on its way by then, nobody knows.
    tokio::select! {
        biased;
        () = committed => {}
        _ = async { submit_body(&process, &body).await; std::future::pending::<()>().await } => {}
    }
    process.kill().await;

    let process = Process::dev(folder.path(), None).await;
    let list = get(&process, "/v1/jobs").await.body;
    assert_eq!(submit_body(&process, &body).await, list["jobs"][0]["jobId"]);
    let list = get(&process, "/v1/jobs").await.body;
    assert_eq!(list["jobs"].as_array().unwrap().len(), 1);
    process.kill().await;
}

#[tokio::test]
async fn a_task_sent_but_not_marked_comes_again_as_the_same_dispatch() {
    let (proxy, folder) = (Proxy::start().await, tempfile::tempdir().unwrap());
    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    proxy.hold_answers("SendMessageBatch");
    let job = submit(&process).await;
    proxy.arrived().await;
    process.kill().await;
    proxy.release();
    let consumer = Consumer::connect(&proxy.direct).await;
    let first = consumer.task().await;

    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let second = consumer.task().await;
    assert_eq!(first.body, second.body);
    assert_eq!(
        (&second.body["jobId"], &second.body["dispatch"]),
        (&json!(job), &json!(1))
    );
    for task in [first, second] {
        consumer.send(&task.outcome("SUCCEEDED")).await;
    }
    consumer.settled().await;
    let done = get(&process, &format!("/v1/jobs/{job}?wait=20s")).await.body;
    assert_eq!(
        (&done["state"], &done["revision"]),
        (&json!("JOB_STATE_SUCCEEDED"), &json!(2))
    );
    process.kill().await;
    proxy.stop().await;
}

#[tokio::test]
async fn a_reader_resumes_across_a_restart() {
    let (proxy, folder) = (Proxy::start().await, tempfile::tempdir().unwrap());
    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let consumer = Consumer::connect(&proxy.direct).await;
    let job = submit(&process).await;
    let task = consumer.task().await;
    let watch = |process: &Process, query: &str| {
        let url = format!("{}/v1/jobs/{job}:watch{query}", process.address);
        http().get(url).header("accept", "application/x-ndjson")
    };
    let cut = watch(&process, "").bearer_auth(token(&process.address).await);
    let mut cut = cut.send().await.unwrap();
    let first: Value = serde_json::from_slice(&cut.chunk().await.unwrap().unwrap()).unwrap();
    assert_eq!(first["revision"], 1);
    process.kill().await;
    consumer.send(&task.outcome("SUCCEEDED")).await;

    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let rest = watch(&process, "?afterRevision=1").bearer_auth(token(&process.address).await);
    let rest = rest.send().await.unwrap().text().await.unwrap();
    let told: Vec<Value> = rest
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.len(), 1, "{rest}");
    assert_eq!(
        (&told[0]["state"], &told[0]["revision"]),
        (&json!("JOB_STATE_SUCCEEDED"), &json!(2))
    );
    process.kill().await;
    proxy.stop().await;
}

async fn database(folder: &Path) -> sqlx::SqliteConnection {
    let url = format!("sqlite:{}", folder.join(".postern/postern.sqlite").display());
    sqlx::SqliteConnection::connect(&url).await.unwrap()
}

#[tokio::test]
async fn a_dead_letter_committed_but_not_deleted_is_known_when_it_comes_again() {
    let (proxy, folder) = (Proxy::start().await, tempfile::tempdir().unwrap());
    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    let consumer = Consumer::connect(&proxy.direct).await;
    let dead = consumer.client.get_queue_url().queue_name("postern-jobs-dlq");
    let dead = dead.send().await.unwrap().queue_url.unwrap();
    // So that the message comes again soon.
    let short = consumer.client.set_queue_attributes().queue_url(&dead);
    short
        .attributes(QueueAttributeName::VisibilityTimeout, "1")
        .send()
        .await
        .unwrap();
    let job = submit(&process).await;
    consumer.die_at_first().await;
    let task = consumer.receive().await.unwrap();
    proxy.hold("DeleteMessageBatch");
    consumer.give_back(&task).await;
    consumer.look().await;
    // The commit comes before the request to delete.
    proxy.arrived().await;
    let events = async |process: &Process| get(process, &format!("/v1/jobs/{job}/events")).await.body;
    let told = events(&process).await;
    assert_eq!(told["events"][2]["type"], "dead_lettered", "{told}");
    process.kill().await;
    assert_eq!(consumer.count(&dead).await, 1, "the message is still there");
    proxy.release();

    let process = Process::dev(folder.path(), Some(&proxy.url)).await;
    consumer.emptied(&dead).await;
    assert_eq!(events(&process).await, told);
    process.kill().await;
    proxy.stop().await;
}
