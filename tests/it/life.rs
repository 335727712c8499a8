//! A job's life as consumers drive it, and the messages on both queues.

use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::world::{World, request};

fn schema(text: &str) -> jsonschema::Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&serde_json::from_str(text).unwrap())
        .unwrap()
}

/// What keeps a body from being that of a task.
pub(crate) fn faults(body: &Value) -> Vec<String> {
    schema(include_str!("../../proto/messages/task.schema.json"))
        .iter_errors(body)
        .map(|error| error.to_string())
        .collect()
}

#[tokio::test]
async fn a_task_is_what_its_schema_says_and_carries_what_a_consumer_must_echo() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut body = request("r-1");
    body["labels"] = json!({"team": "crm"});
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let post = rest
        .request(reqwest::Method::POST, "/v1/jobs")
        .header("traceparent", trace)
        .json(&body);
    let job: Value = post.send().await.unwrap().json().await.unwrap();
    let task = consumer.task().await;
    assert_eq!(faults(&task.body), [""; 0]);
    assert_eq!(task.body["jobId"], job["jobId"]);
    assert_eq!(
        (
            &task.body["payload"],
            &task.body["labels"],
            &task.body["partnerId"]
        ),
        (&body["payload"], &body["labels"], &json!("acme"))
    );
    assert_eq!(
        task.body["trace"],
        json!({"traceparent": trace, "tracestate": ""})
    );
    assert_eq!(task.body["deadline"], job["deadline"]);
    assert_eq!(task.attribute("type"), Some("App\\Message\\ImportContacts"));
    assert_eq!(task.attribute("Content-Type"), Some("application/json"));
    assert_eq!(task.attribute("traceparent"), Some(trace));
    world.stop().await;
}

#[tokio::test]
async fn whole_numbers_reach_the_consumer_without_a_fraction() {
    let world = World::start_with(|settings| settings.catalog = Some(any_catalog())).await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let text = r#"{"jobType":"any","payload":{"a":5.0,"b":1e3,"c":0.5,"d":9007199254740991,"e":"\ufffe\uffff\u0001 é"}}"#;
    let post = rest
        .request(reqwest::Method::POST, "/v1/jobs")
        .header("content-type", "application/json")
        .body(text);
    assert_eq!(post.send().await.unwrap().status(), 202);
    let task = consumer.task().await;
    let raw = task.message.body().unwrap();
    assert!(
        raw.contains(r#""a":5,"b":1000,"c":0.5,"d":9007199254740991"#),
        "{raw}"
    );
    assert!(raw.contains(r#""e":"\ufffe\uffff\u0001 é""#), "{raw}");
    world.stop().await;
}

#[tokio::test]
async fn progress_and_result_reach_the_partner() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    consumer.send(&task.outcome("STARTED")).await;
    let running = rest.until(id, "JOB_STATE_RUNNING").await;
    assert!(running["startTime"].is_string());
    consumer
        .send(&task.outcome_with(
            "PROGRESS",
            &json!({"progress": {"completed": 1, "total": 2, "message": "half"}}),
        ))
        .await;
    let moved = rest
        .get(&format!("/v1/jobs/{id}?wait=20s&afterRevision=2"))
        .await
        .body;
    assert_eq!(
        moved["progress"],
        json!({"completed": 1, "total": 2, "message": "half"})
    );
    consumer
        .send(&task.outcome_with(
            "SUCCEEDED",
            &json!({"result": {"inserted": 1, "skipped": 0, "share": 0.5}}),
        ))
        .await;
    let done = rest.until(id, "JOB_STATE_SUCCEEDED").await;
    assert_eq!(done["result"], json!({"inserted": 1, "skipped": 0, "share": 0.5}));
    assert!(done["endTime"].is_string() && done["purgeTime"].is_string());
    world.stop().await;
}

#[tokio::test]
async fn a_consumers_failure_is_told_with_its_reason_and_records() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let task = consumer.task().await;
    let error = json!({"code": "NOT_FOUND", "reason": "ACCOUNT_UNKNOWN", "message": "account nope does not exist",
        "violations": [{"pointer": "/account", "message": "unknown"}]});
    consumer
        .send(&task.outcome_with("FAILED", &json!({"error": error})))
        .await;
    let failed = rest
        .until(job["jobId"].as_str().unwrap(), "JOB_STATE_FAILED")
        .await;
    assert_eq!(
        (&failed["error"]["code"], &failed["error"]["message"]),
        (&json!(5), &json!("account nope does not exist"))
    );
    let details = &failed["error"]["details"];
    assert_eq!(details[0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert_eq!(
        (&details[0]["reason"], &details[0]["domain"]),
        (&json!("ACCOUNT_UNKNOWN"), &json!("postern"))
    );
    assert_eq!(details[1]["fieldViolations"][0]["field"], "/payload/account");
    // What failed no longer holds its reference.
    rest.submit(&request("r-1")).await;
    world.stop().await;
}

#[tokio::test]
async fn a_retryable_failure_is_handed_out_again_as_a_new_dispatch() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let first = consumer.task().await;
    consumer
        .send(&first.outcome_with("FAILED", &json!({"retryable": true, "retryDelaySeconds": 0})))
        .await;
    let second = consumer.task().await;
    assert_eq!(
        (&second.body["jobId"], &second.body["dispatch"]),
        (&job["jobId"], &json!(2))
    );
    assert_ne!(first.body["outcomeToken"], second.body["outcomeToken"]);
    // What the first still says is late.
    consumer.send(&first.outcome("SUCCEEDED")).await;
    consumer.settled().await;
    let id = job["jobId"].as_str().unwrap();
    assert_eq!(
        rest.get(&format!("/v1/jobs/{id}")).await.body["state"],
        "JOB_STATE_QUEUED"
    );
    consumer.send(&second.outcome("SUCCEEDED")).await;
    assert_eq!(rest.until(id, "JOB_STATE_SUCCEEDED").await["dispatch"], 2);
    world.stop().await;
}

#[tokio::test]
async fn an_outcome_that_arrives_twice_changes_nothing_the_second_time() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    let outcome = task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}}));
    consumer.send(&outcome).await;
    let done = rest.until(id, "JOB_STATE_SUCCEEDED").await;
    consumer.send(&outcome).await;
    consumer.send(&task.outcome("FAILED")).await;
    consumer.send(&task.outcome("STARTED")).await;
    consumer.settled().await;
    assert_eq!(rest.get(&format!("/v1/jobs/{id}")).await.body, done);
    let history = world.sql("SELECT kind FROM job_events ORDER BY number").await;
    assert_eq!(
        history,
        ["submitted", "sent", "succeeded", "late_outcome", "late_outcome"]
    );
    world.stop().await;
}

#[tokio::test]
async fn one_bad_message_never_holds_up_the_others() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let task = consumer.task().await;
    let token = task.body["outcomeToken"].as_str().unwrap();
    let mut disagreeing = task.outcome("FAILED");
    disagreeing["jobId"] = json!("job_00000000000000000000000000");
    for poison in [
        "not json".to_owned(),
        "O:36:\"Symfony\\Component\\Messenger\\Envelope\":0:{}".to_owned(),
        "[".repeat(10_000),
        "x".repeat(1_000_000),
        json!({"event": "SUCCEEDED"}).to_string(),
        json!({"outcomeToken": format!("{token}x"), "event": "FAILED"}).to_string(),
        json!({"outcomeToken": token, "event": "EXPLODED"}).to_string(),
        disagreeing.to_string(),
    ] {
        consumer.send_text(&poison).await;
    }
    consumer.send(&task.outcome("SUCCEEDED")).await;
    rest.until(job["jobId"].as_str().unwrap(), "JOB_STATE_SUCCEEDED")
        .await;
    consumer.settled().await;
    world.stop().await;
}

#[tokio::test]
async fn a_result_that_cannot_be_kept_fails_the_job_honestly() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let task = consumer.task().await;
    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"n": 9_007_199_254_740_993_u64}})))
        .await;
    let failed = rest
        .until(job["jobId"].as_str().unwrap(), "JOB_STATE_FAILED")
        .await;
    assert_eq!(failed["error"]["code"], 13);
    assert_eq!(failed["error"]["details"][0]["reason"], "OUTCOME_INVALID");
    world.stop().await;
}

#[tokio::test]
async fn a_send_whose_answer_is_lost_is_repeated_and_the_job_ends_once() {
    let proxy = Proxy::start().await;
    let url = proxy.url.clone();
    let world = World::start_with(|settings| settings.sqs_endpoint = Some(url)).await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    proxy.lose_answer("SendMessageBatch");
    let job = rest.submit(&request("r-1")).await;
    let (first, second) = (consumer.task().await, consumer.task().await);
    assert_eq!(first.body, second.body);
    consumer.send(&first.outcome("SUCCEEDED")).await;
    consumer.send(&second.outcome("FAILED")).await;
    let id = job["jobId"].as_str().unwrap();
    let done = rest.until(id, "JOB_STATE_SUCCEEDED").await;
    consumer.settled().await;
    assert_eq!(rest.get(&format!("/v1/jobs/{id}")).await.body, done);
    assert_eq!((&done["dispatch"], &done["revision"]), (&json!(1), &json!(2)));
    world.stop().await;
    proxy.stop().await;
}

/// A catalog with a job type that takes any object.
fn any_catalog() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/catalog").to_owned()
}
