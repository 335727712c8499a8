//! Watching: server-sent events, NDJSON, a JSON array, a gRPC stream; resuming; ending.

use std::time::Duration;

use futures::StreamExt as _;
use postern_proto::postern::v1::{JobState, WatchJobRequest};
use serde_json::{Value, json};
use tonic::Code;

use crate::world::{Answer, Rest, SOON, World, reason, request};

/// A body that is read as it comes.
pub(crate) struct Stream {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    response: reqwest::Response,
    buffer: String,
}

impl Stream {
    pub(crate) async fn open(rest: &Rest, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = rest.request(reqwest::Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            response,
            buffer: String::new(),
        }
    }

    /// What stands before the next separator; none once the body has ended.
    pub(crate) async fn next(&mut self, separator: &str) -> Option<String> {
        loop {
            if let Some((part, rest)) = self.buffer.split_once(separator) {
                let part = part.to_owned();
                self.buffer = rest.to_owned();
                return Some(part);
            }
            let chunk = tokio::time::timeout(SOON, self.response.chunk())
                .await
                .expect("nothing came")
                .unwrap()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is no comment and no `retry:`.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        loop {
            let text = self.next("\n\n").await?;
            let field = |name: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::to_owned)
            };
            if let Some(data) = field("data: ") {
                return Some(Event {
                    id: field("id: "),
                    kind: field("event: "),
                    data: serde_json::from_str(&data).unwrap(),
                });
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) data: Value,
}

/// A job, the path of its watch, and its task.
async fn watched(world: &World) -> (Rest, String, crate::consumer::Task, crate::consumer::Consumer) {
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let task = consumer.task().await;
    (
        rest,
        format!("/v1/jobs/{}:watch", job["jobId"].as_str().unwrap()),
        task,
        consumer,
    )
}

#[tokio::test]
async fn events_carry_the_revision_and_end_with_done() {
    let world = World::start().await;
    let (rest, path, task, consumer) = watched(&world).await;
    let mut stream = Stream::open(&rest, &path, &[("accept", "text/event-stream")]).await;
    assert_eq!(
        (stream.status, stream.headers["content-type"].to_str().unwrap()),
        (200, "text/event-stream")
    );
    assert_eq!(stream.headers["cache-control"], "no-store");
    assert_eq!(stream.next("\n").await.unwrap(), "retry: 2000");
    let mut states = Vec::new();
    for outcome in ["STARTED", "SUCCEEDED"] {
        let event = stream.event().await.unwrap();
        assert_eq!(event.id.unwrap(), event.data["revision"].to_string());
        assert_eq!(event.kind, None);
        states.push(event.data["state"].clone());
        consumer.send(&task.outcome(outcome)).await;
    }
    states.push(stream.event().await.unwrap().data["state"].clone());
    assert_eq!(
        states,
        ["JOB_STATE_QUEUED", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]
    );
    let done = stream.event().await.unwrap();
    assert_eq!((done.kind.as_deref(), done.data), (Some("done"), json!({})));
    assert!(stream.event().await.is_none());
    world.stop().await;
}

#[tokio::test]
async fn a_reader_resumes_after_the_last_event_it_has_seen() {
    let world = World::start().await;
    let (rest, path, task, consumer) = watched(&world).await;
    consumer.send(&task.outcome("STARTED")).await;
    let id = path
        .trim_end_matches(":watch")
        .trim_start_matches("/v1/jobs/")
        .to_owned();
    rest.until(&id, "JOB_STATE_RUNNING").await;
    let mut stream = Stream::open(
        &rest,
        &format!("{path}?afterRevision=9"),
        &[("last-event-id", "1")],
    )
    .await;
    assert_eq!(stream.event().await.unwrap().id.as_deref(), Some("2"));
    consumer.send(&task.outcome("SUCCEEDED")).await;
    rest.until(&id, "JOB_STATE_SUCCEEDED").await;
    let over = Stream::open(&rest, &path, &[("last-event-id", "3")]).await;
    assert_eq!(over.status, 204);
    let nothing_new = rest.get(&format!("{path}?afterRevision=3")).await;
    assert_eq!(
        nothing_new.status, 200,
        "only a browser's reconnection is answered 204"
    );
    let misfit = Answer::read(
        rest.request(reqwest::Method::GET, &path)
            .header("last-event-id", "x"),
    )
    .await;
    assert_eq!((misfit.status, misfit.reason()), (400, "INVALID_REQUEST"));
    let ahead = Answer::read(
        rest.request(reqwest::Method::GET, &path)
            .header("last-event-id", "9"),
    )
    .await;
    assert_eq!((ahead.status, ahead.reason()), (400, "REVISION_AHEAD"));
    world.stop().await;
}

#[tokio::test]
async fn the_same_stream_comes_as_ndjson_and_as_a_json_array() {
    let world = World::start().await;
    let (rest, path, task, consumer) = watched(&world).await;
    let mut lines = Stream::open(&rest, &path, &[("accept", "application/x-ndjson")]).await;
    let line: Value = serde_json::from_str(&lines.next("\n").await.unwrap()).unwrap();
    assert_eq!(line["state"], "JOB_STATE_QUEUED");
    consumer.send(&task.outcome("SUCCEEDED")).await;
    let line: Value = serde_json::from_str(&lines.next("\n").await.unwrap()).unwrap();
    assert_eq!(line["state"], "JOB_STATE_SUCCEEDED");
    assert_eq!(lines.next("\n").await, None);
    let array = Answer::read(
        rest.request(reqwest::Method::GET, &path)
            .header("accept", "application/json"),
    )
    .await;
    assert_eq!(array.body.as_array().unwrap().len(), 1);
    assert_eq!(array.body[0]["revision"], 2);
    let other = Answer::read(
        rest.request(reqwest::Method::GET, &path)
            .header("accept", "image/png"),
    )
    .await;
    assert_eq!((other.status, other.reason()), (406, "NOT_ACCEPTABLE"));
    world.stop().await;
}

#[tokio::test]
async fn a_grpc_stream_tells_the_same_and_resumes_by_revision() {
    let world = World::start().await;
    let (rest, path, task, consumer) = watched(&world).await;
    let job_id = path
        .trim_end_matches(":watch")
        .trim_start_matches("/v1/jobs/")
        .to_owned();
    let mut grpc = world.grpc("acme").await;
    let ask = grpc.ask(WatchJobRequest {
        job_id: job_id.clone(),
        after_revision: None,
    });
    let mut stream = grpc.jobs.watch_job(ask).await.unwrap().into_inner();
    assert_eq!(
        stream.message().await.unwrap().unwrap().job.unwrap().state(),
        JobState::Queued
    );
    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
        .await;
    let last = stream.message().await.unwrap().unwrap().job.unwrap();
    assert_eq!((last.state(), last.result.is_some()), (JobState::Succeeded, true));
    assert!(stream.message().await.unwrap().is_none());
    rest.until(&job_id, "JOB_STATE_SUCCEEDED").await;
    let ask = grpc.ask(WatchJobRequest {
        job_id: job_id.clone(),
        after_revision: Some(last.revision),
    });
    assert!(
        grpc.jobs
            .watch_job(ask)
            .await
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap()
            .is_none()
    );
    let ask = grpc.ask(WatchJobRequest {
        job_id,
        after_revision: Some(last.revision + 1),
    });
    let ahead = grpc.jobs.watch_job(ask).await.unwrap_err();
    assert_eq!(
        (ahead.code(), reason(&ahead).as_str()),
        (Code::OutOfRange, "REVISION_AHEAD")
    );
    world.stop().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let world = World::start().await;
    let (rest, path, ..) = watched(&world).await;
    let token = world
        .stack
        .issuer
        .token("acme", None, Duration::from_secs(2))
        .unwrap();
    let mut stream = Stream::open(&rest.with_token(&token), &path, &[]).await;
    assert_eq!(stream.event().await.unwrap().id.as_deref(), Some("1"));
    let end = stream.event().await.unwrap();
    assert_eq!(end.kind.as_deref(), Some("failed"));
    assert_eq!(end.data["error"]["details"][0]["reason"], "TOKEN_EXPIRED");
    world.stop().await;
}

#[tokio::test]
async fn watchers_of_many_jobs_each_see_the_end_of_theirs() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut streams = Vec::new();
    for number in 0..20 {
        let job = rest.submit(&request(&format!("r-{number}"))).await;
        streams.push(
            Stream::open(
                &rest,
                &format!("/v1/jobs/{}:watch", job["jobId"].as_str().unwrap()),
                &[],
            )
            .await,
        );
    }
    let consume = async {
        for _ in 0..20 {
            let task = consumer.task().await;
            consumer.send(&task.outcome("SUCCEEDED")).await;
        }
    };
    let follow = futures::stream::iter(streams).for_each_concurrent(None, |mut stream| async move {
        let mut last = None;
        while let Some(event) = stream.event().await {
            if event.kind.is_none() {
                last = Some(event.data["state"].clone());
            }
        }
        assert_eq!(last.unwrap(), "JOB_STATE_SUCCEEDED");
    });
    tokio::join!(consume, follow);
    world.stop().await;
}
