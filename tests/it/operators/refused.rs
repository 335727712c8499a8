//! What operators are told when it does not go: words, and an exit code for each kind.

use super::desk::{Desk, submit};
use crate::process::{command, output};
use crate::world::World;

const NOBODY: &str = "job_01m88a2ptjf6qs55hqb3cdbqn2";

#[tokio::test]
async fn each_kind_of_failure_has_an_exit_code_of_its_own() {
    let world = World::start().await;
    let partner = world.token("acme");
    let job = submit(&world.rest("acme"), "r-1").await;
    let cases: [(&[&str], i32, &str); 6] = [
        (&["jobs", "get", NOBODY], 5, "JOB_NOT_FOUND"),
        (&["jobs", "cancel", &job, "--reason", " "], 1, "/reason REQUIRED"),
        (&["jobs", "cancel", &job], 2, "--reason"),
        (&["jobs", "list", "--token", &partner], 4, "SCOPE_MISSING"),
        (&["jobs", "list", "--token", "none"], 4, "TOKEN_INVALID"),
        (
            &["jobs", "list", "--server", "http://127.0.0.1:1"],
            3,
            "http://127.0.0.1:1",
        ),
    ];
    let desk = Desk::new(&world);
    for (args, code, words) in cases {
        let ran = desk.run(args).await;
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{words} in {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
    world.consumer().await.task().await;
    world.stop().await;
}

#[tokio::test]
async fn of_several_jobs_one_that_is_not_there_keeps_no_other_from_its_end() {
    let world = World::start().await;
    let job = submit(&world.rest("acme"), "r-1").await;
    world.consumer().await.task().await;
    let desk = Desk::new(&world);
    let ran = desk
        .run(&["jobs", "cancel", NOBODY, &job, "--reason", "x", "--json"])
        .await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains("JOB_NOT_FOUND") && ran.err.contains("1 of 2"),
        "{}",
        ran.err
    );
    assert_eq!(ran.values()[0]["job"]["jobId"], job);
    world.stop().await;
}

#[tokio::test]
async fn a_server_elsewhere_gets_no_token_that_nobody_gave() {
    let folder = tempfile::tempdir().unwrap();
    for (server, words) in [
        ("https://postern.example", "POSTERN_ISSUER"),
        ("http://192.0.2.1:1", "POSTERN_TOKEN"),
    ] {
        let args = ["jobs", "list", "--server", server];
        let refused = output(&mut command(folder.path(), &args)).await;
        let text = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        assert!(text.contains(words), "{text}");
    }
}
