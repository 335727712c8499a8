//! The example consumer as a program of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::fs::File;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use postern_localsqs::{Config, Endpoint};
use postern_worker::{Client, sqs_client};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const PATIENCE: Duration = Duration::from_secs(20);

/// Does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // Usually it has ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_program_imports_contacts_until_it_is_told_to_stop_and_logs_of_which_trace() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::open(Config::new(folder.path().join("sqs")))
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(endpoint.serve(listener, shutdown.clone()));
    let client = sqs_client(Some(&url)).await;
    let (jobs, results) = (
        create(&client, "my-jobs").await,
        create(&client, "my-results").await,
    );

    let log = folder.path().join("log");
    let program = Command::new(env!("CARGO_BIN_EXE_contacts-import"))
        .env("POSTERN_SQS_ENDPOINT", &url)
        .env("POSTERN_JOBS_QUEUE", "my-jobs")
        .env("POSTERN_RESULTS_QUEUE", "my-results")
        .env("POSTERN_DATA_DIR", folder.path())
        .env("NO_COLOR", "1")
        .stderr(File::create(&log).unwrap())
        .spawn();
    let mut program = Program(program.unwrap());
    client
        .send_message()
        .queue_url(&jobs)
        .message_body(task().to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(
        result(&client, &results).await,
        json!({"inserted": 1, "skipped": 0})
    );
    assert_eq!(
        contacts_import::count(folder.path().join("shards"))
            .await
            .unwrap()["north-harbour"],
        1
    );

    let id = program.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(
        tokio::task::spawn_blocking(move || program.0.wait())
            .await
            .unwrap()
            .unwrap()
            .success()
    );
    assert_names_trace(&std::fs::read_to_string(log).unwrap());
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

fn assert_names_trace(log: &str) {
    let line = log.lines().find(|line| line.contains("task succeeded")).unwrap();
    for field in [
        "job.id=job_00000000000000000000000000".to_owned(),
        format!("trace.id=\"{TRACE}\""),
        format!("trace.parent=\"{PARENT}\""),
    ] {
        assert!(line.contains(&field), "{field} in {line}");
    }
}

async fn create(client: &Client, name: &str) -> String {
    client
        .create_queue()
        .queue_name(name)
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap()
}

fn task() -> Value {
    json!({
        "jobId": "job_00000000000000000000000000", "jobType": "contacts.import", "jobTypeVersion": "1",
        "partnerId": "acme", "dispatch": 1, "deadline": "2100-01-01T00:00:00Z", "payloadRef": null,
        "payload": {
            "account": "north-harbour", "reference": "autumn",
            "contacts": [{"email": "ada@example.com", "name": "Ada Marsh"}]
        },
        "attachments": [], "labels": {}, "outcomeToken": "token",
        "trace": {"traceparent": format!("00-{TRACE}-{PARENT}-01"), "tracestate": ""}
    })
}

/// Of the first task that succeeds.
async fn result(client: &Client, results_url: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "no result in time");
        let answer = client
            .receive_message()
            .queue_url(results_url)
            .wait_time_seconds(1)
            .send()
            .await
            .unwrap();
        for message in answer.messages.unwrap_or_default() {
            let mut outcome: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
            if outcome["event"] == "SUCCEEDED" {
                return outcome["result"].take();
            }
        }
    }
}
