//! The whole way with the example consumer: rows that are really there.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::world::{World, request};

#[tokio::test]
async fn a_job_ends_in_rows_and_the_partner_is_told_how_many() {
    let world = World::start().await;
    let stop = CancellationToken::new();
    let consumer = postern::stack::example_consumer(&world.config, &world.stack.addresses)
        .await
        .unwrap();
    let working = tokio::spawn(consumer.run(stop.clone()));
    let rest = world.rest("acme");
    let mut body = request("r-1");
    let contact = |email: &str| json!({"email": email, "name": "X"});
    body["payload"]["contacts"] = json!([
        contact("a@example.com"),
        contact("b@example.com"),
        contact("a@example.com")
    ]);
    let job = rest.submit(&body).await;
    let done = rest
        .until(job["jobId"].as_str().unwrap(), "JOB_STATE_SUCCEEDED")
        .await;
    assert_eq!(done["result"], json!({"inserted": 2, "skipped": 1}));
    let rows = contacts_import::count(&world.stack.addresses.shards)
        .await
        .unwrap();
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), [("a1".to_owned(), 2)]);

    let mut unknown = request("r-2");
    unknown["payload"]["account"] = json!("unknown");
    let job = rest.submit(&unknown).await;
    let failed = rest
        .until(job["jobId"].as_str().unwrap(), "JOB_STATE_FAILED")
        .await;
    assert_eq!(failed["error"]["details"][0]["reason"], "ACCOUNT_UNKNOWN");
    assert_eq!(
        (&failed["error"]["code"], &failed["error"]["message"]),
        (&json!(5), &json!("account unknown does not exist"))
    );
    stop.cancel();
    working.await.unwrap();
    assert!(world.folder().join("shards").is_dir());
    world.stop().await;
}

#[tokio::test]
async fn the_example_consumer_asks_before_it_imports() {
    let world = World::start().await;
    let (rest, queue) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = queue.receive().await.unwrap();
    rest.post(&format!("/v1/jobs/{id}:cancel"), &json!({})).await;
    queue.give_back(&task).await;
    let stop = CancellationToken::new();
    let consumer = postern::stack::example_consumer(&world.config, &world.stack.addresses)
        .await
        .unwrap();
    let working = tokio::spawn(consumer.run(stop.clone()));
    rest.until(id, "JOB_STATE_CANCELLED").await;
    stop.cancel();
    working.await.unwrap();
    let rows = contacts_import::count(&world.stack.addresses.shards)
        .await
        .unwrap();
    assert!(rows.is_empty());
    world.stop().await;
}
