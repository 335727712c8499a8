//! What waits, what is paused, and what could not be used.

use postern_server::seal::Seal;
use serde_json::{Value, json};

use super::desk::{Desk, submit};
use super::states::assert_told;
use crate::quarantine::restarted;
use crate::world::{SOON, World};

#[tokio::test]
async fn dispatch_is_paused_and_resumed_by_job_type_and_by_partner() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let desk = Desk::new(&world);
    for (index, subject) in [["--job-type", "contacts.import"], ["--partner", "acme"]]
        .iter()
        .enumerate()
    {
        let with = |verb: &'static str| ["queues", verb, subject[0], subject[1], "--reason", "ticket 7"];
        desk.one(&with("pause")).await;
        let pause = desk.one(&["queues", "pauses"]).await;
        assert_eq!(
            (&pause["operator"], &pause["reason"]),
            (&json!("operator"), &json!("ticket 7"))
        );
        let job = submit(&rest, &format!("r-{index}")).await;
        let waiting = desk.until(&["jobs", "list", "--condition", "unsent"], &job).await;
        assert_eq!(waiting["paused"], true);
        let resumed = desk.run(&with("resume")).await;
        assert_eq!(resumed.code, 0, "{}", resumed.err);
        assert_eq!(consumer.task().await.body["jobId"], job);
    }
    let none = desk.run(&["queues", "pauses"]).await;
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    let actions = desk.json(&["actions"]).await;
    let types: Vec<_> = actions
        .iter()
        .map(|action| action["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["resume", "pause", "resume", "pause"]);
    let unknown = desk
        .run(&["queues", "pause", "--job-type", "no.such", "--reason", "x"])
        .await;
    assert_eq!(unknown.code, 1, "{}", unknown.err);
    assert!(unknown.err.contains("JOB_TYPE_UNKNOWN"), "{}", unknown.err);
    world.stop().await;
}

#[tokio::test]
async fn a_forged_outcome_is_looked_at_replayed_in_vain_and_dropped() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    submit(&rest, "r-1").await;
    consumer.task().await;
    let body = "{\"outcomeToken\":\"forged\",\"event\":\"SUCCEEDED\",\"x\":\"\u{9b}2J\u{202e}\"}";
    consumer.send_text(body).await;
    let desk = Desk::new(&world);
    let found = desk.some(&["quarantine", "list"]).await;
    let id = found["quarantineId"].as_str().unwrap();
    assert_eq!(found["sizeBytes"], body.len());

    let raw = desk.run(&["quarantine", "get", id, "--body"]).await;
    assert_eq!((raw.code, raw.out.as_str()), (0, body));
    let person = desk.run(&["quarantine", "show", id]).await;
    assert!(
        person.out.contains("forged") && !person.out.contains(['\u{9b}', '\u{202e}']),
        "{}",
        person.out
    );

    desk.one(&["quarantine", "replay", id, "--reason", "ticket 7"])
        .await;
    let replayed = |listed: &Value| listed["replaying"] == false;
    desk.until_that(&["quarantine", "list"], replayed).await;
    let dropped = desk
        .run(&["quarantine", "drop", id, "--reason", "ticket 7"])
        .await;
    assert_eq!(dropped.code, 0, "{}", dropped.err);
    let gone = desk.run(&["quarantine", "get", id]).await;
    assert_eq!(gone.code, 5, "{}", gone.err);
    let actions = desk.json(&["actions"]).await;
    let types: Vec<_> = actions
        .iter()
        .map(|action| action["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["drop", "replay"]);
    assert!(actions.iter().all(|action| action["operator"] == "operator"));
    world.stop().await;
}

#[tokio::test]
async fn an_outcome_that_could_not_be_read_ends_its_job_once_it_is_replayed() {
    let (old, new) = (Seal::generate().unwrap(), Seal::generate().unwrap());
    let key = old.clone();
    let world = World::start_with(|settings| settings.secret_key = Some(key)).await;
    let job = submit(&world.rest("acme"), "r-1").await;
    let task = world.consumer().await.task().await;
    let world = restarted(world, &new).await;
    world.consumer().await.send(&task.outcome("SUCCEEDED")).await;
    let found = Desk::new(&world).some(&["quarantine", "list"]).await;
    assert_eq!(found["reason"], "the outcome token is not authentic");
    let id = found["quarantineId"].as_str().unwrap();

    let world = restarted(world, &format!("{new},{old}")).await;
    let (rest, desk) = (world.rest("acme"), Desk::new(&world));
    let queued = rest.get(&format!("/v1/jobs/{job}")).await.body;
    assert_eq!(
        queued["state"], "JOB_STATE_QUEUED",
        "nobody replays by themselves"
    );
    let replayed = desk
        .one(&["quarantine", "replay", id, "--reason", "ticket 7"])
        .await;
    assert_eq!(replayed["quarantineId"], id);
    rest.until(&job, "JOB_STATE_SUCCEEDED").await;
    assert_told(&desk, &rest, &job, "message_replayed").await;
    let gone = desk.run(&["quarantine", "get", id]).await;
    assert_eq!(gone.code, 5, "{}", gone.err);
    let action = desk.one(&["actions"]).await;
    assert_eq!(
        (&action["type"], &action["reason"], &action["operator"]),
        (&json!("replay"), &json!("ticket 7"), &json!("operator"))
    );
    world.stop().await;
}

#[tokio::test]
async fn how_things_stand_is_told_by_queue_and_by_job_type() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    submit(&rest, "r-1").await;
    consumer.task().await;
    let desk = Desk::new(&world);
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let status = desk.one(&["queues"]).await;
        let queues: Vec<_> = status["queues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|queue| &queue["name"])
            .collect();
        assert_eq!(queues, ["postern-jobs", "postern-results"]);
        let job_type = &status["jobTypes"][0];
        assert_eq!(job_type["jobType"], "contacts.import");
        if job_type["notStarted"] == "1" {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{status}");
    }
    let person = desk.run(&["queues"]).await;
    for words in ["QUEUE", "postern-results", "JOB TYPE", "contacts.import"] {
        assert!(person.out.contains(words), "{words} in {}", person.out);
    }
    world.stop().await;
}
