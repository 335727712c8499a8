//! Jobs of all partners are found, shown, followed and cancelled.

use serde_json::json;

use super::desk::{Desk, id, submit};
use crate::world::{World, payload, request};

#[tokio::test]
async fn jobs_of_all_partners_are_listed_by_what_they_are() {
    let world = World::start().await;
    let (acme, globex, consumer) = (world.rest("acme"), world.rest("globex"), world.consumer().await);
    let first = submit(&acme, "r-1").await;
    let task = consumer.task().await;
    consumer.send(&task.outcome("STARTED")).await;
    acme.until(&first, "JOB_STATE_RUNNING").await;
    let second = submit(&globex, "r-2").await;
    let desk = Desk::new(&world);
    let listed = desk.json(&["jobs", "list"]).await;
    let ids: Vec<_> = listed.iter().map(|job| id(&job["job"])).collect();
    assert_eq!(ids, [second.clone(), first.clone()]);
    assert_eq!(listed[0]["partnerId"], "globex");
    for (filter, expected) in [
        (vec!["--partner", "acme"], &first),
        (vec!["--state", "running,failed"], &first),
        (vec!["--partner", "globex", "--created-after", "1h"], &second),
        (vec!["--limit", "1"], &second),
    ] {
        let args: Vec<_> = ["jobs", "list"].into_iter().chain(filter).collect();
        assert_eq!(id(&desk.one(&args).await["job"]), *expected, "{args:?}");
    }
    let none = desk.run(&["jobs", "list", "--created-before", "1h"]).await;
    assert_eq!(
        (none.code, none.out.as_str(), none.err.trim()),
        (0, "", "no jobs")
    );
    consumer.task().await;
    world.stop().await;
}

#[tokio::test]
async fn a_job_is_shown_as_rest_has_it_and_to_people_with_nothing_that_their_terminal_obeys() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let mut asked = request("r-1");
    asked["labels"] = json!({"evil": "\u{1b}[2J\u{202e}x\nstate           SUCCEEDED"});
    let job = id(&rest.submit(&asked).await);
    world.consumer().await.task().await;
    let desk = Desk::at_edge(&world);
    let shown = desk.one(&["jobs", "show", &job, "--payload"]).await;
    let over_rest = world.rest("operator");
    let path = format!("/admin/v1/jobs/{job}?includePayload=true");
    assert_eq!(shown, over_rest.get(&path).await.body);
    assert_eq!(shown["payload"], payload("r-1"));

    let person = desk.run(&["jobs", "get", &job]).await;
    assert_eq!(person.code, 0, "{}", person.err);
    for line in person.out.lines() {
        assert!(
            !line.contains(char::is_control) && !line.contains('\u{202e}'),
            "{line:?}"
        );
    }
    let states = person.out.lines().filter(|line| line.starts_with("state"));
    assert_eq!(states.collect::<Vec<_>>().len(), 1, "{}", person.out);
    assert!(
        person.out.contains("acme") && !person.out.contains("x@example.com"),
        "{}",
        person.out
    );
    world.stop().await;
}

#[tokio::test]
async fn a_job_is_followed_to_its_end_and_the_exit_code_says_which() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    for (reference, event, code) in [("r-1", "SUCCEEDED", 0), ("r-2", "FAILED", 1)] {
        let job = submit(&rest, reference).await;
        let task = consumer.task().await;
        let desk = Desk::new(&world);
        let mut watch = desk.start(&["jobs", "watch", &job, "--json"]);
        assert_eq!(watch.next().await["job"]["state"], "JOB_STATE_QUEUED");
        consumer.send(&task.outcome("STARTED")).await;
        assert_eq!(watch.next().await["job"]["state"], "JOB_STATE_RUNNING");
        consumer.send(&task.outcome(event)).await;
        assert_eq!(watch.next().await["job"]["state"], format!("JOB_STATE_{event}"));
        let ended = watch.end().await;
        assert_eq!(ended.code, code, "{}", ended.err);
    }
    world.stop().await;
}

#[tokio::test]
async fn jobs_that_a_filter_matches_are_followed_until_nobody_looks() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let desk = Desk::new(&world);
    let mut watch = desk.start(&["jobs", "watch", "--partner", "acme", "--json"]);
    for reference in ["r-1", "r-2"] {
        let job = submit(&rest, reference).await;
        // What was there before may look otherwise, too: it was sent meanwhile.
        while id(&watch.next().await["job"]) != job {}
        consumer.task().await;
    }
    world.stop().await;
}

#[tokio::test]
async fn an_operator_cancels_jobs_and_the_history_names_them_to_operators_alone() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let jobs = [submit(&rest, "r-1").await, submit(&rest, "r-2").await];
    for _ in &jobs {
        consumer.task().await;
    }
    let desk = Desk::new(&world);
    let [one, other] = jobs.each_ref().map(String::as_str);
    let done = desk
        .json(&["jobs", "cancel", one, other, "--reason", "asked by phone"])
        .await;
    assert_eq!(done.len(), 2);
    assert!(
        done.iter().all(|job| job["job"]["cancelRequested"] == true),
        "{done:?}"
    );
    for job in &jobs {
        let (kind, _, operator) = desk.history(job).await.pop().unwrap();
        assert_eq!(
            (kind.as_str(), operator.as_str()),
            ("cancel_requested", "operator")
        );
        let page = rest.get(&format!("/v1/jobs/{job}/events")).await.body;
        assert!(!page.to_string().contains("asked by phone"), "{page}");
    }
    world.stop().await;
}
