//! Following all jobs of a partner with one call: pages of changes, a long poll, one stream that is cut again and again.

use std::collections::BTreeMap;

use postern_proto::postern::v1::{JobState, WatchJobsRequest};
use serde_json::{Value, json};

use crate::consumer::Consumer;
use crate::crash::token;
use crate::process::{Process, command};
use crate::watch::Stream;
use crate::world::{Rest, World, install_crypto, request};

/// A reader of server-sent events that knows the newest state of each job, and where it stands.
#[derive(Default)]
struct Reader {
    states: BTreeMap<String, Value>,
    cursor: Option<String>,
}

impl Reader {
    /// Takes events of one connection until it has seen enough, and cuts it.
    async fn take(&mut self, rest: &Rest, mut enough: impl FnMut(&Self) -> bool) {
        let resume: Vec<_> = self
            .cursor
            .iter()
            .map(|cursor| ("last-event-id", cursor.as_str()))
            .collect();
        let mut stream = Stream::open(rest, "/v1/jobs:watch?snapshot=true", &resume).await;
        assert_eq!(stream.status, 200);
        while !enough(self) {
            let event = stream.event().await.expect("the stream ended");
            assert_eq!(event.kind, None, "{}", event.data);
            assert_eq!(event.id.as_deref().unwrap_or_default(), event.data["cursor"]);
            if let Some(job) = event.data.get("job") {
                assert_eq!(job.get("result"), None);
                self.states
                    .insert(job["jobId"].as_str().unwrap().to_owned(), job["state"].clone());
            }
            self.cursor = event.id.or(self.cursor.take());
        }
    }

    fn succeeded(&self) -> usize {
        self.states
            .values()
            .filter(|state| *state == "JOB_STATE_SUCCEEDED")
            .count()
    }

    /// The same over connections of three events each, once it has a cursor.
    async fn take_piecemeal(&mut self, rest: &Rest, jobs: usize) {
        self.take(rest, |reader| reader.cursor.is_some()).await;
        while self.succeeded() < jobs {
            let mut left = 3;
            self.take(rest, |reader| {
                left -= 1;
                left < 0 || reader.succeeded() == jobs
            })
            .await;
        }
    }
}

async fn submit(rest: &Rest, references: std::ops::Range<usize>) {
    for number in references {
        rest.submit(&request(&format!("r-{number}"))).await;
    }
}

async fn execute(consumer: &Consumer, count: usize) {
    for _ in 0..count {
        let task = consumer.task().await;
        consumer.send(&task.outcome("STARTED")).await;
        consumer
            .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
            .await;
    }
}

#[tokio::test]
async fn a_reader_that_is_cut_again_and_again_sees_the_end_of_every_job() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    submit(&rest, 0..3).await;
    let mut reader = Reader::default();
    tokio::join!(
        submit(&rest, 3..15),
        execute(&consumer, 15),
        reader.take_piecemeal(&rest, 15)
    );
    let jobs = rest.get("/v1/jobs").await.body;
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), reader.states.len());
    world.stop().await;
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was_after_the_server_was_killed() {
    install_crypto();
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sqs = Process::start(command(elsewhere.path(), &["sqs"]), "sqs").await;
    let consumer = Consumer::create(&sqs.address).await;
    let mut reader = Reader::default();

    let process = Process::dev(folder.path(), Some(&sqs.address)).await;
    let rest = Rest::new(&process.address, &token(&process.address).await);
    submit(&rest, 0..6).await;
    let (_, ()) = tokio::join!(
        reader.take(&rest, |reader| reader.succeeded() == 2),
        execute(&consumer, 3)
    );
    process.kill().await;

    let process = Process::dev(folder.path(), Some(&sqs.address)).await;
    let rest = Rest::new(&process.address, &token(&process.address).await);
    let (_, ()) = tokio::join!(
        reader.take(&rest, |reader| reader.succeeded() == 6),
        execute(&consumer, 3)
    );
    process.kill().await;
}

#[tokio::test]
async fn changes_are_polled_with_one_call_for_all_jobs() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    rest.submit(&request("r-1")).await;
    let now = rest.get("/v1/jobs:changes").await;
    assert_eq!((now.status, &now.body["jobs"]), (200, &json!([])), "{}", now.body);
    let cursor = now.body["nextCursor"].as_str().unwrap();
    let long_poll = format!("/v1/jobs:changes?cursor={cursor}&wait=30s");
    let (changed, ()) = tokio::join!(rest.get(&long_poll), async {
        let task = consumer.task().await;
        consumer
            .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
            .await;
    });
    let jobs = changed.body["jobs"].as_array().unwrap();
    assert_eq!(
        (jobs.len(), &jobs[0]["state"]),
        (1, &json!("JOB_STATE_SUCCEEDED"))
    );
    assert_eq!(jobs[0].get("result"), None);
    for (path, partner) in [
        ("/v1/jobs:changes?cursor=x", "acme"),
        ("/v1/jobs:watch?cursor=x", "acme"),
        (long_poll.as_str(), "globex"),
    ] {
        let refused = world.rest(partner).get(path).await;
        assert_eq!((refused.status, refused.reason()), (400, "CURSOR_INVALID"));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_watch_of_all_jobs_comes_over_grpc_and_as_json_lines() {
    let world = World::start().await;
    let (rest, mut grpc) = (world.rest("acme"), world.grpc("acme").await);
    let ask = grpc.ask(WatchJobsRequest::default());
    let mut stream = grpc.jobs.watch_jobs(ask).await.unwrap().into_inner();
    let begin = stream.message().await.unwrap().unwrap();
    assert!(begin.job.is_none() && !begin.cursor.is_empty());
    let job = rest.submit(&request("r-1")).await;
    let told = stream.message().await.unwrap().unwrap().job.unwrap();
    assert_eq!(
        (told.job_id.as_str(), told.state()),
        (job["jobId"].as_str().unwrap(), JobState::Queued)
    );
    let path = format!("/v1/jobs:watch?cursor={}", begin.cursor);
    let mut lines = Stream::open(&rest, &path, &[("accept", "application/x-ndjson")]).await;
    let line: Value = serde_json::from_str(&lines.next("\n").await.unwrap()).unwrap();
    assert_eq!(line["job"], job);
    world.stop().await;
}
