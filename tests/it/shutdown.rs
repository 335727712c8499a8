//! The end: streams are told, nothing hangs, the next start goes on where this one stopped.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::watch::Stream;
use crate::world::{SOON, World, request};

/// The real binary, as a process of its own.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) edge: String,
}

impl Process {
    /// Starts `postern dev --no-worker` and waits until it is ready.
    pub(crate) async fn start(folder: &std::path::Path, sqs: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command
            .args(["dev", "--no-worker"])
            .current_dir(folder)
            .env_clear()
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for part in ["EDGE", "GRPC", "SQS", "ADMIN"] {
            command.env(format!("POSTERN_{part}_LISTEN"), "127.0.0.1:0");
        }
        if let Some(sqs) = sqs {
            command.env("POSTERN_SQS_ENDPOINT", sqs);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let edge = timeout(SOON, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(rest) = line.trim_start().strip_prefix("edge") {
                    return rest.split_whitespace().next().unwrap().to_owned();
                }
            }
            panic!("the process ended before it was ready")
        });
        let edge = edge.await.unwrap();
        // Whatever it still prints has a reader, so that it never blocks.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, edge }
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn interrupt(&mut self) -> std::process::ExitStatus {
        let id = self.child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .await
                .unwrap()
                .success()
        );
        timeout(SOON, self.child.wait())
            .await
            .expect("it did not end")
            .unwrap()
    }
}

#[tokio::test]
async fn open_streams_are_ended_with_unavailable() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let job = rest.submit(&request("r-1")).await;
    let path = format!("/v1/jobs/{}:watch", job["jobId"].as_str().unwrap());
    let mut stream = Stream::open(&rest, &path, &[]).await;
    stream.event().await.unwrap();
    let began = Instant::now();
    let (end, ()) = tokio::join!(stream.event(), world.stop());
    let end = end.unwrap();
    assert_eq!(end.kind.as_deref(), Some("failed"));
    assert_eq!(
        (
            &end.data["error"]["status"],
            &end.data["error"]["details"][0]["reason"]
        ),
        (&"UNAVAILABLE".into(), &"SHUTTING_DOWN".into())
    );
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_grpc_stream_is_ended_with_unavailable_and_can_be_resumed() {
    let world = World::start().await;
    let job = world.rest("acme").submit(&request("r-1")).await;
    let mut grpc = world.grpc("acme").await;
    let ask = grpc.ask(postern_proto::postern::v1::WatchJobRequest {
        job_id: job["jobId"].as_str().unwrap().to_owned(),
        after_revision: None,
    });
    let mut stream = grpc.jobs.watch_job(ask).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let (end, ()) = tokio::join!(stream.message(), world.stop());
    let status = end.unwrap_err();
    assert_eq!(
        (status.code(), crate::world::reason(&status).as_str()),
        (tonic::Code::Unavailable, "SHUTTING_DOWN")
    );
}

#[tokio::test]
async fn an_idle_process_is_gone_within_a_second_of_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), None).await;
    let began = Instant::now();
    assert!(process.interrupt().await.success());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), None).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.arg("dev").current_dir(folder.path()).env_clear();
    for part in ["EDGE", "GRPC", "SQS", "ADMIN"] {
        command.env(format!("POSTERN_{part}_LISTEN"), "127.0.0.1:0");
    }
    let output = command.output().await.unwrap();
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("in use"),
        "{output:?}"
    );
    process.kill().await;
}
