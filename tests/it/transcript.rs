//! What REST answers, held against the contract: whole answers as snapshots, with `…` for what varies.

use serde_json::{Value, json};

use crate::watch::Stream;
use crate::world::{Answer, Rest, World, http, payload, request};

/// Headers that the contract speaks of.
const HEADERS: [&str; 7] = [
    "allow",
    "cache-control",
    "content-type",
    "etag",
    "location",
    "retry-after",
    "www-authenticate",
];

/// The answer as text: status, headers, body.
fn text(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status);
    for name in HEADERS.iter().filter(|name| answer.headers.contains_key(**name)) {
        text.push_str(&format!("{name}: {}\n", mask(answer.header(name))));
    }
    if answer.body != "" {
        text.push('\n');
        text.push_str(&serde_json::to_string_pretty(&masked(answer.body.clone())).unwrap());
    }
    text
}

/// Everything that is another the next time.
fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(&text)),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| match name.as_str() {
                "access_token" | "nextPageToken" if member != "" => (name, json!("…")),
                _ => (name, masked(member)),
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn mask(text: &str) -> String {
    if text.parse::<prost_types::Timestamp>().is_ok() {
        return "…".to_owned();
    }
    match text.find("job_") {
        Some(at) if text.len() >= at + 30 => format!("{}job_…{}", &text[..at], mask(&text[at + 30..])),
        _ => text.to_owned(),
    }
}

async fn submit(rest: &Rest, key: &str, body: &Value) -> Answer {
    Answer::read(
        rest.request(reqwest::Method::POST, "/v1/jobs")
            .header("idempotency-key", key)
            .json(body),
    )
    .await
}

#[tokio::test]
async fn a_token_is_given_or_refused_as_the_contract_says() {
    let world = World::start().await;
    let ask = |form: &[(&str, &str)]| Answer::read(http().post(world.url("/oauth2/token")).form(form));
    let client = [("grant_type", "client_credentials"), ("client_id", "acme")];
    let good = ask(&[client[0], client[1], ("client_secret", "acme-secret")]).await;
    insta::assert_snapshot!("token", text(&good));
    insta::assert_snapshot!(
        "token_invalid_client",
        text(&ask(&[client[0], client[1], ("client_secret", "nope")]).await)
    );
    insta::assert_snapshot!("token_without_credentials", text(&ask(&[client[0]]).await));
    insta::assert_snapshot!(
        "token_unsupported_grant_type",
        text(
            &ask(&[
                ("grant_type", "password"),
                client[1],
                ("client_secret", "acme-secret")
            ])
            .await
        )
    );
    let scope = [
        client[0],
        client[1],
        ("client_secret", "acme-secret"),
        ("scope", "jobs/admin"),
    ];
    insta::assert_snapshot!("token_invalid_scope", text(&ask(&scope).await));
    world.stop().await;
}

#[tokio::test]
async fn a_job_that_succeeds_looks_as_the_contract_says() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut body = request("r-1");
    body["labels"] = json!({"team": "crm"});
    let submitted = submit(&rest, "order-4711", &body).await;
    insta::assert_snapshot!("submit", text(&submitted));
    let path = submitted.header("location").to_owned();
    insta::assert_snapshot!("poll_queued", text(&rest.get(&path).await));
    let unchanged = rest
        .request(reqwest::Method::GET, &path)
        .header("if-none-match", "\"1\"");
    insta::assert_snapshot!("poll_unchanged", text(&Answer::read(unchanged).await));
    let task = consumer.task().await;
    let mut watch = Stream::open(&rest, &format!("{path}:watch"), &[]).await;
    watch.event().await.unwrap();
    let done = json!({"result": {"inserted": 1, "skipped": 0}});
    consumer.send(&task.outcome("STARTED")).await;
    rest.get(&format!("{path}?wait=20s&afterRevision=1")).await;
    consumer
        .send(&task.outcome_with("PROGRESS", &json!({"progress": {"completed": 1, "total": 1}})))
        .await;
    rest.get(&format!("{path}?wait=20s&afterRevision=2")).await;
    consumer.send(&task.outcome_with("SUCCEEDED", &done)).await;
    insta::assert_snapshot!(
        "poll_succeeded",
        text(&rest.get(&format!("{path}?wait=20s")).await)
    );
    insta::assert_snapshot!(
        "list",
        text(
            &rest
                .get("/v1/jobs?pageSize=2&states=JOB_STATE_SUCCEEDED&labels=team%3Dcrm")
                .await
        )
    );
    insta::assert_snapshot!("events", text(&rest.get(&format!("{path}/events")).await));
    let whole = rest
        .request(reqwest::Method::GET, &format!("{path}:watch"))
        .header("accept", "text/event-stream");
    let transcript = whole.send().await.unwrap().text().await.unwrap();
    let transcript: Vec<String> = transcript
        .lines()
        .map(|line| match line.strip_prefix("data: ") {
            Some(data) => format!("data: {}", masked(serde_json::from_str(data).unwrap())),
            None => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!("watch_at_the_end", transcript.join("\n"));
    world.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_looks_as_the_contract_says() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let submitted = submit(&rest, "order-4712", &request("r-1")).await;
    let task = consumer.task().await;
    let error =
        json!({"code": "NOT_FOUND", "reason": "ACCOUNT_UNKNOWN", "message": "account nope does not exist"});
    consumer
        .send(&task.outcome_with("FAILED", &json!({"error": error})))
        .await;
    insta::assert_snapshot!(
        "poll_failed",
        text(
            &rest
                .get(&format!("{}?wait=20s", submitted.header("location")))
                .await
        )
    );
    let retry = format!("{}:retry", submitted.header("location"));
    insta::assert_snapshot!("retry", text(&rest.post(&retry, &json!({})).await));
    world.stop().await;
}

#[tokio::test]
async fn a_job_that_expires_and_is_deleted_looks_as_the_contract_says() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut body = request("r-1");
    body["executionTimeout"] = json!("1s");
    let submitted = submit(&rest, "order-4713", &body).await;
    let path = submitted.header("location").to_owned();
    let delete = || Answer::read(rest.request(reqwest::Method::DELETE, &path));
    insta::assert_snapshot!("error_job_not_terminal", text(&delete().await));
    let task = consumer.task().await;
    consumer.send(&task.outcome("STARTED")).await;
    insta::assert_snapshot!("poll_expired", text(&rest.get(&format!("{path}?wait=20s")).await));
    insta::assert_snapshot!("delete", text(&delete().await));
    world.stop().await;
}

#[tokio::test]
async fn errors_look_as_the_contract_says() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let mut invalid = request("r-1");
    invalid["payload"] = json!({"reference": "r-1", "contacts": [{"email": "nope", "name": "X"}]});
    insta::assert_snapshot!(
        "error_payload_invalid",
        text(&rest.post("/v1/jobs", &invalid).await)
    );
    insta::assert_snapshot!(
        "error_job_type_unknown",
        text(&rest.post("/v1/jobs", &json!({"jobType": "nope"})).await)
    );
    insta::assert_snapshot!(
        "error_unknown_field",
        text(&rest.post("/v1/jobs", &json!({"jobType": "a", "nope": 1})).await)
    );
    submit(&rest, "order-1", &request("r-1")).await;
    insta::assert_snapshot!(
        "error_request_id_reused",
        text(&submit(&rest, "order-1", &request("r-2")).await)
    );
    insta::assert_snapshot!(
        "error_unique_constraint",
        text(&submit(&rest, "order-2", &request("r-1")).await)
    );
    insta::assert_snapshot!("error_job_not_found", text(&rest.get("/v1/jobs/nope").await));
    insta::assert_snapshot!("error_route_not_found", text(&rest.get("/v1/nope").await));
    let post = rest.request(reqwest::Method::DELETE, "/v1/jobTypes");
    insta::assert_snapshot!("error_method_not_allowed", text(&Answer::read(post).await));
    insta::assert_snapshot!(
        "error_token_missing",
        text(&Answer::read(http().get(world.url("/v1/jobs"))).await)
    );
    let worker = world.rest("worker");
    insta::assert_snapshot!("error_scope_missing", text(&worker.get("/v1/jobs").await));
    let typed = rest
        .request(reqwest::Method::POST, "/v1/jobs")
        .header("content-type", "text/plain")
        .body(payload("r").to_string());
    insta::assert_snapshot!("error_unsupported_media_type", text(&Answer::read(typed).await));
    world.stop().await;
}

#[test]
fn no_snapshot_has_lost_its_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshots");
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file
            .strip_prefix("it__transcript__")
            .and_then(|rest| rest.strip_suffix(".snap"));
        let used = name.is_some_and(|name| include_str!("transcript.rs").contains(&format!("\"{name}\"")));
        assert!(used, "no test asserts {file}");
    }
}
