//! Messages that could not be used, and dispatch that is paused, over the whole stack and in an operator's hands.

use postern::stack::Stack;
use postern_server::seal::Seal;
use serde_json::{Value, json};

use crate::world::{Rest, SOON, World, request};

/// The stack again, on the same folder, with these secret keys.
pub(crate) async fn restarted(mut world: World, keys: &str) -> World {
    world.config.secret_key = Some(keys.to_owned());
    world.stack.stop().await.unwrap();
    world.stack = Stack::start(&world.config, false).await.unwrap();
    world
}

/// The quarantine as soon as it is as it should be.
async fn until_quarantined(operator: &Rest, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let page = operator.get("/admin/v1/quarantine").await.body;
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        if is_so(&messages) {
            return messages;
        }
        assert!(tokio::time::Instant::now() < deadline, "it stays {messages:?}");
        tokio::task::yield_now().await;
    }
}

/// Whoever changes the secret key must keep the old one for the tasks that carry its tokens. Who forgot it loses nothing.
#[tokio::test]
async fn outcomes_under_a_key_that_was_forgotten_are_collected_again_by_an_operator() {
    let (old, new) = (Seal::generate().unwrap(), Seal::generate().unwrap());
    let key = old.clone();
    let world = World::start_with(|settings| settings.secret_key = Some(key)).await;
    let job = world.rest("acme").submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = world.consumer().await.task().await;

    let world = restarted(world, &new).await;
    world.consumer().await.send(&task.outcome("SUCCEEDED")).await;
    let messages = until_quarantined(&world.rest("operator"), |messages| !messages.is_empty()).await;
    assert_eq!(messages[0]["reason"], "the outcome token is not authentic");
    let path = format!(
        "/admin/v1/quarantine/{}",
        messages[0]["quarantineId"].as_str().unwrap()
    );
    let why = json!({"reason": "the old key was missing"});

    // Too early: it stays.
    let replayed = world.rest("operator").post(&format!("{path}:replay"), &why).await;
    assert_eq!(
        (replayed.status, &replayed.body["replaying"]),
        (200, &json!(true))
    );
    let is_read = |messages: &[Value]| messages.iter().all(|message| message["replaying"] != true);
    assert_eq!(until_quarantined(&world.rest("operator"), is_read).await.len(), 1);

    let world = restarted(world, &format!("{new},{old}")).await;
    let (rest, operator) = (world.rest("acme"), world.rest("operator"));
    operator.post(&format!("{path}:replay"), &why).await;
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    until_quarantined(&operator, <[Value]>::is_empty).await;
    assert_eq!(operator.get(&path).await.reason(), "MESSAGE_NOT_FOUND");
    let events = operator.get(&format!("/admin/v1/jobs/{id}/events")).await.body;
    let replay = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["event"]["type"] == "message_replayed")
        .unwrap();
    assert_eq!(replay["operator"], "operator");
    let told = rest.get(&format!("/v1/jobs/{id}/events")).await.body.to_string();
    assert!(
        told.contains("an operator") && !told.contains("old key"),
        "{told}"
    );
    let actions = operator.get("/admin/v1/actions").await.body;
    assert_eq!(actions["actions"].as_array().unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_dropped_message_is_gone_and_partners_do_not_see_the_quarantine() {
    let world = World::start().await;
    let (operator, consumer) = (world.rest("operator"), world.consumer().await);
    consumer.send_text("poison").await;
    let messages = until_quarantined(&operator, |messages| !messages.is_empty()).await;
    let path = format!(
        "/admin/v1/quarantine/{}",
        messages[0]["quarantineId"].as_str().unwrap()
    );
    // As ProtoJSON has bytes.
    assert_eq!(operator.get(&path).await.body["body"], "cG9pc29u");
    assert_eq!(world.rest("acme").get(&path).await.status, 403);
    let drop = format!("{path}:drop");
    let refused = operator.post(&drop, &json!({})).await;
    assert_eq!(
        refused.violations(),
        [("/reason".to_owned(), "REQUIRED".to_owned())]
    );
    let dropped = operator.post(&drop, &json!({"reason": "nonsense"})).await;
    assert!((200..300).contains(&dropped.status), "{}", dropped.body);
    assert_eq!(operator.get(&path).await.status, 404);
    world.stop().await;
}

#[tokio::test]
async fn what_is_paused_waits_and_goes_out_when_it_is_resumed() {
    let world = World::start().await;
    let (rest, operator, consumer) = (world.rest("acme"), world.rest("operator"), world.consumer().await);
    let acme = json!({"partnerId": "acme", "reason": "they asked for it"});
    let paused = operator.post("/admin/v1/pauses", &acme).await;
    assert_eq!(
        (paused.status, &paused.body["operator"]),
        (200, &json!("operator"))
    );
    let job = rest.submit(&request("r-1")).await;
    let theirs = world.rest("globex").submit(&request("r-1")).await;
    assert_eq!(consumer.task().await.body["jobId"], theirs["jobId"]);
    let id = job["jobId"].as_str().unwrap();
    let shown = operator.get(&format!("/admin/v1/jobs/{id}")).await.body;
    assert_eq!(
        (&shown["paused"], &shown["job"]["state"]),
        (&json!(true), &json!("JOB_STATE_QUEUED"))
    );
    operator.post("/admin/v1/pauses:resume", &acme).await;
    assert_eq!(consumer.task().await.body["jobId"], job["jobId"]);
    assert_eq!(operator.get("/admin/v1/pauses").await.body, json!({"pauses": []}));
    world.stop().await;
}
