//! One thing done to all jobs that a filter matches: shown first, then done, and what was refused is told.

use serde_json::json;

use super::desk::{Desk, id, submit};
use super::states::{self, assert_told};
use crate::dead_letters::die;
use crate::world::World;

/// What is said to many jobs, and one word more.
fn with<'a>(all: &[&'a str], more: &'a str) -> Vec<&'a str> {
    all.iter().copied().chain([more]).collect()
}

/// A dry run says that it would be done to these jobs, oldest first, and to no other.
async fn assert_shown(desk: &Desk<'_>, all: &[&str], jobs: &[String]) {
    let shown = desk.json(&with(all, "--dry-run")).await;
    assert!(
        shown.iter().all(|acted_on| acted_on["error"].is_null()),
        "{shown:?}"
    );
    let ids: Vec<_> = shown
        .iter()
        .rev()
        .map(|acted_on| id(&acted_on["job"]["job"]))
        .collect();
    assert_eq!(ids, jobs);
}

/// It is done to as many without a question, and said so.
async fn assert_done(desk: &Desk<'_>, all: &[&str], words: &str) {
    let done = desk.run(&with(all, "--yes")).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains(words), "{words} in {}", done.err);
}

#[tokio::test]
async fn all_jobs_of_a_filter_are_acted_on_once_it_was_said_so() {
    let world = World::start().await;
    let (acme, globex, consumer) = (world.rest("acme"), world.rest("globex"), world.consumer().await);
    let jobs = [submit(&acme, "r-1").await, submit(&acme, "r-2").await];
    let other = submit(&globex, "r-1").await;
    for _ in 0..3 {
        consumer.task().await;
    }
    let desk = Desk::new(&world);
    let all = ["jobs", "cancel", "--partner", "acme", "--reason", "ticket 7"];

    let unasked = desk.run(&all).await;
    assert_eq!(unasked.code, 2, "{}", unasked.err);
    assert_shown(&desk, &all, &jobs).await;
    for job in &jobs {
        let seen = desk.one(&["jobs", "get", job]).await;
        assert_eq!(seen["job"]["cancelRequested"], false, "nothing was done");
    }

    assert_done(&desk, &all, "cancel: 2 done").await;
    for job in &jobs {
        let seen = desk.one(&["jobs", "get", job]).await;
        assert_eq!(seen["job"]["cancelRequested"], true);
        let (kind, _, operator) = desk.history(job).await.pop().unwrap();
        assert_eq!(
            (kind.as_str(), operator.as_str()),
            ("cancel_requested", "operator")
        );
    }
    let untouched = desk.one(&["jobs", "get", &other]).await;
    assert_eq!(untouched["job"]["cancelRequested"], false);
    world.stop().await;
}

#[tokio::test]
async fn held_jobs_are_redriven_together_and_executed() {
    let world = states::world().await;
    let (acme, globex, consumer) = (world.rest("acme"), world.rest("globex"), world.consumer().await);
    let mut jobs = Vec::new();
    for rest in [&acme, &globex, &acme] {
        jobs.push(states::submit(rest, "held").await);
        die(&consumer).await;
    }
    let other = jobs.remove(1);
    let desk = Desk::new(&world);
    let waiting = ["jobs", "list", "--condition", "held"];
    for job in jobs.iter().chain([&other]) {
        desk.until(&waiting, job).await;
    }
    let all = [
        "jobs",
        "redrive",
        "--condition",
        "held",
        "--partner",
        "acme",
        "--reason",
        "ticket 7",
    ];
    assert_shown(&desk, &all, &jobs).await;
    assert_eq!(desk.json(&waiting).await.len(), 3, "nothing was done");

    assert_done(&desk, &all, "redrive: 2 done").await;
    for _ in &jobs {
        let task = consumer.task().await;
        assert_eq!(task.body["dispatch"], 1, "{}", task.body);
        consumer.send(&task.outcome("SUCCEEDED")).await;
    }
    for job in &jobs {
        acme.until(job, "JOB_STATE_SUCCEEDED").await;
        assert_told(&desk, &acme, job, "redriven").await;
    }
    let untouched = desk.one(&waiting).await;
    assert_eq!(id(&untouched["job"]), other);
    world.stop().await;
}

#[tokio::test]
async fn failed_jobs_are_retried_together_and_their_successors_executed() {
    let world = World::start().await;
    let (acme, globex, consumer) = (world.rest("acme"), world.rest("globex"), world.consumer().await);
    let mut jobs = Vec::new();
    for (rest, reference, event) in [
        (&acme, "r-1", "FAILED"),
        (&acme, "r-2", "FAILED"),
        (&acme, "r-3", "SUCCEEDED"),
        (&globex, "r-1", "FAILED"),
    ] {
        let job = submit(rest, reference).await;
        let task = consumer.task().await;
        consumer.send(&task.outcome(event)).await;
        rest.until(&job, &format!("JOB_STATE_{event}")).await;
        jobs.push(job);
    }
    jobs.truncate(2);
    let desk = Desk::new(&world);
    let all = [
        "jobs",
        "retry",
        "--state",
        "failed",
        "--partner",
        "acme",
        "--reason",
        "ticket 7",
    ];
    assert_shown(&desk, &all, &jobs).await;
    assert_eq!(desk.json(&["jobs", "list"]).await.len(), 4, "nothing was done");

    assert_done(&desk, &all, "retry: 2 done").await;
    assert_eq!(desk.json(&["jobs", "list"]).await.len(), 6);
    for _ in &jobs {
        let task = consumer.task().await;
        consumer.send(&task.outcome("SUCCEEDED")).await;
    }
    for job in &jobs {
        assert_told(&desk, &acme, job, "retried").await;
        let failed = acme.get(&format!("/v1/jobs/{job}")).await.body;
        let successor = failed["retriedBy"].as_str().unwrap();
        let ended = acme.until(successor, "JOB_STATE_SUCCEEDED").await;
        assert_eq!(ended["retriedFrom"], json!(job));
    }
    world.stop().await;
}

#[tokio::test]
async fn what_was_refused_of_many_is_told_job_by_job_and_by_the_exit_code() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let done = submit(&rest, "r-1").await;
    let task = consumer.task().await;
    consumer.send(&task.outcome("SUCCEEDED")).await;
    rest.until(&done, "JOB_STATE_SUCCEEDED").await;
    let stuck = submit(&rest, "r-2").await;
    consumer.task().await;
    let desk = Desk::new(&world);
    let ran = desk
        .run(&[
            "jobs",
            "end",
            "--partner",
            "acme",
            "--reason",
            "x",
            "--yes",
            "--json",
        ])
        .await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("1 done, 1 refused"), "{}", ran.err);
    for acted_on in ran.values() {
        let job = acted_on["job"]["job"]["jobId"].as_str().unwrap();
        assert_eq!(acted_on["error"].is_null(), job == stuck, "{acted_on}");
    }
    let neither = desk.run(&["jobs", "end", "--reason", "x"]).await;
    let both = desk
        .run(&["jobs", "end", &stuck, "--partner", "acme", "--reason", "x"])
        .await;
    assert_eq!((neither.code, both.code), (2, 2), "{} {}", neither.err, both.err);
    world.stop().await;
}
