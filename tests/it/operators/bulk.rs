//! One thing done to all jobs that a filter matches: shown first, then done, and what was refused is told.

use super::desk::{Desk, submit};
use crate::world::World;

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
    let with = |more: &'static str| -> Vec<&str> { all.iter().copied().chain([more]).collect() };

    let unasked = desk.run(&all).await;
    assert_eq!(unasked.code, 2, "{}", unasked.err);
    let shown = desk.json(&with("--dry-run")).await;
    assert_eq!(shown.len(), 2);
    for job in &jobs {
        let seen = desk.one(&["jobs", "get", job]).await;
        assert_eq!(seen["job"]["cancelRequested"], false, "nothing was done");
    }

    let done = desk.run(&with("--yes")).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("cancel: 2 done"), "{}", done.err);
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
