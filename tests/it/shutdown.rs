//! The end: streams are told, nothing hangs, the next start goes on where this one stopped.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::process::{Process, command, interrupt, output};
use crate::watch::Stream;
use crate::world::{SOON, World, request};

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
    // With its consumer, as a person starts it.
    let process = Process::start(command(folder.path(), &["dev"]), "edge").await;
    let began = Instant::now();
    assert!(process.interrupt().await.success());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_process_that_is_still_starting_ends_on_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    // An endpoint that takes connections and never says a word: the start waits for it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut dev = command(folder.path(), &["dev"]);
    dev.env(
        "POSTERN_SQS_ENDPOINT",
        format!("http://{}", silent.local_addr().unwrap()),
    );
    let mut child = dev.spawn().unwrap();
    let asked = timeout(SOON, silent.accept())
        .await
        .expect("the endpoint was never asked");
    let began = Instant::now();
    assert!(interrupt(&mut child).await.success());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    drop(asked);
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::dev(folder.path(), None).await;
    let second = output(&mut command(folder.path(), &["dev"])).await;
    assert!(!second.status.success());
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("in use"),
        "{second:?}"
    );
    process.kill().await;
}
