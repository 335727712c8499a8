//! Limits: what is too large, too many or not exact is refused, and the answer itself stays small.

use reqwest::Method;
use serde_json::{Value, json};

use crate::errors::{raw, told};
use crate::submit::grpc_request;
use crate::world::{Answer, World, reason, request, violations};

#[tokio::test]
async fn a_status_with_many_violations_stays_small_and_counts_them_all() {
    let world = World::start().await;
    let contacts: Vec<Value> = (0..300).map(|_| json!({"email": "nope", "name": "X"})).collect();
    let body = json!({"jobType": "contacts.import", "payload": {"account": "a1", "reference": "r", "contacts": contacts}});
    let answer = world.rest("acme").post("/v1/jobs", &body).await;
    assert_eq!(told(&answer), (400, "INVALID_ARGUMENT", "PAYLOAD_INVALID"));
    assert_eq!(
        answer.body["error"]["details"][0]["metadata"]["violationsTotal"],
        "100"
    );
    let shown = answer.violations().len();
    assert!(shown > 10 && shown < 100, "{shown}");
    world.stop().await;
}

#[tokio::test]
async fn numbers_that_would_not_be_exact_are_refused_at_the_server_too() {
    use prost_types::value::Kind;
    let world = World::start().await;
    let mut grpc = world.grpc("acme").await;
    let mut ask = grpc_request("r-1");
    let number = prost_types::Value {
        kind: Some(Kind::NumberValue(9_007_199_254_740_992.0)),
    };
    ask.payload
        .as_mut()
        .unwrap()
        .fields
        .insert("n".to_owned(), number);
    let status = grpc.jobs.submit_job(grpc.ask(ask)).await.unwrap_err();
    assert_eq!(
        (reason(&status).as_str(), violations(&status)[0].0.as_str()),
        ("PAYLOAD_INVALID", "/payload/n")
    );
    world.stop().await;
}

#[tokio::test]
async fn a_payload_beyond_the_queues_limit_is_refused() {
    let world = World::start().await;
    let mut body = request("r-1");
    body["payload"]["contacts"][0]["name"] = json!("x".repeat(800_000));
    let answer = world.rest("acme").post("/v1/jobs", &body).await;
    assert_eq!(told(&answer), (400, "INVALID_ARGUMENT", "PAYLOAD_TOO_LARGE"));
    // As a message this has five times its bytes.
    let numbers = format!("{}0", "0,".repeat(1_000_000));
    let body = format!("{{\"jobType\":\"contacts.import\",\"payload\":{{\"contacts\":[{numbers}]}}}}");
    let answer = raw(&world, "application/json", body).await;
    assert_eq!(told(&answer), (400, "INVALID_ARGUMENT", "PAYLOAD_TOO_LARGE"));
    world.stop().await;
}

#[tokio::test]
async fn a_body_beyond_the_edges_limit_is_413_and_of_another_type_415() {
    let world = World::start().await;
    let large = raw(
        &world,
        "application/json",
        format!("{{\"jobType\":\"{}\"}}", "x".repeat(5_000_000)),
    )
    .await;
    assert_eq!(told(&large), (413, "INVALID_ARGUMENT", "BODY_TOO_LARGE"));
    for content_type in [
        "text/plain",
        "application/json; charset=latin1",
        "application/x-www-form-urlencoded",
    ] {
        let other = raw(&world, content_type, "{}").await;
        assert_eq!(
            told(&other),
            (415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE"),
            "{content_type}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn headers_beyond_the_limit_are_431() {
    let world = World::start().await;
    let request = world
        .rest("acme")
        .request(Method::GET, "/v1/jobs")
        .header("x-padding", "x".repeat(100_000));
    let answer = Answer::read(request).await;
    assert_eq!(answer.status, 431);
    assert_eq!(world.rest("acme").get("/v1/jobs").await.status, 200);
    world.stop().await;
}
