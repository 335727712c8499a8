//! The gRPC door's services called as a client's messages reach them: bounds, sameness, and what is passed on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt as _;
use postern_proto::google::rpc::{BadRequest, ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1::job_service_server::JobService as _;
use postern_proto::postern::v1::{
    AttachmentInput, CancelJobRequest, DeleteJobRequest, GetJobRequest, Job, JobState, ListJobsRequest,
    SubmitJobRequest, WatchJobRequest,
};
use postern_server::api::Api;
use postern_server::auth::Caller;
use postern_server::catalog::{Catalog, Source};
use postern_server::hub::Hub;
use postern_server::job::{Event, JobId, Outcome, PartnerId, Progress, RetryPolicy, Timestamp};
use postern_server::queue::Census;
use postern_server::seal::Seal;
use postern_server::store::system::{Letter, Report};
use postern_server::store::{Config, Store, Trace};
use postern_server::vitals::Vitals;
use prost::{Message as _, Name};
use prost_types::value::Kind;
use prost_types::{Duration as ProtoDuration, Struct, Value};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

const JOB_TYPE: &str = "name: a.b\nversion: \"1\"\nconsumer_type: X\n\
    schema: {type: object, additionalProperties: {type: number}}\n";

struct World {
    api: Api,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        let files = vec![("a.b.yaml".to_owned(), JOB_TYPE.into())];
        let api = Api {
            store: store.clone(),
            hub: Hub::default(),
            catalog: Arc::new(Catalog::load(&Source::Files(files)).unwrap()),
            seal: Seal::parse(&Seal::generate().unwrap()).unwrap(),
            payload_bytes_max: 10_000.into(),
            vitals: Vitals::new(store.clone(), Census::default(), Arc::default(), Hub::default()),
            shutdown: CancellationToken::new(),
        };
        Self { api, _folder: folder }
    }

    async fn submit(&self, message: SubmitJobRequest) -> Result<Job, Status> {
        let reply = self.api.submit_job(ask(message)).await?;
        Ok(reply.into_inner().job.unwrap())
    }

    /// The trace context that the task of a job submitted with these headers carries.
    async fn trace(&self, traceparent: &str, tracestate: &str) -> Trace {
        let mut request = ask(submission());
        let metadata = request.metadata_mut();
        metadata.insert("traceparent", traceparent.parse().unwrap());
        metadata.insert("tracestate", tracestate.parse().unwrap());
        self.api.submit_job(request).await.unwrap();
        let system = self.api.store.system();
        system
            .claim(1, 90_000, Timestamp::now())
            .await
            .unwrap()
            .remove(0)
            .trace
    }
}

/// A request as the door lets it through.
fn ask<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        partner: PartnerId::new("acme"),
        client_id: "acme".to_owned(),
        scopes: Vec::new(),
        expires_at: SystemTime::now() + Duration::from_hours(1),
    });
    request
}

fn submission() -> SubmitJobRequest {
    SubmitJobRequest {
        job_type: "a.b".to_owned(),
        ..Default::default()
    }
}

fn keyed() -> SubmitJobRequest {
    SubmitJobRequest {
        request_id: "k-1".to_owned(),
        ..submission()
    }
}

fn detail<M: Name + Default>(status: &Status) -> M {
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let found = details.iter().find(|any| any.type_url.ends_with(&M::full_name()));
    found
        .map(|any| M::decode(any.value.as_slice()).unwrap())
        .unwrap_or_default()
}

fn reason(status: &Status) -> String {
    detail::<ErrorInfo>(status).reason
}

fn total(status: &Status) -> String {
    detail::<ErrorInfo>(status).metadata["violationsTotal"].clone()
}

fn fields(status: &Status) -> Vec<String> {
    let bad: BadRequest = detail(status);
    bad.field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

#[tokio::test]
async fn a_fault_that_does_not_fit_hides_no_other() {
    let world = World::new().await;
    let text = || Value {
        kind: Some(Kind::StringValue("x".to_owned())),
    };
    let payload = Struct {
        fields: [("a".repeat(6000), text()), ("b".to_owned(), text())].into(),
    };
    let message = SubmitJobRequest {
        payload: Some(payload),
        ..submission()
    };
    let status = world.submit(message).await.unwrap_err();
    assert_eq!(
        (fields(&status), total(&status)),
        (vec!["/payload/b".to_owned()], "2".to_owned())
    );
    assert!(status.details().len() < 6 * 1024);
}

#[tokio::test]
async fn a_used_key_with_what_cannot_be_accepted_is_another_request() {
    let world = World::new().await;
    world.submit(keyed()).await.unwrap();
    let attached = SubmitJobRequest {
        attachments: vec![AttachmentInput::default()],
        ..keyed()
    };
    let timed = SubmitJobRequest {
        queue_timeout: Some(ProtoDuration {
            seconds: -1,
            nanos: 0,
        }),
        ..keyed()
    };
    for message in [attached, timed] {
        let status = world.submit(message).await.unwrap_err();
        assert_eq!(reason(&status), "REQUEST_ID_REUSED");
    }
    assert!(world.submit(keyed()).await.is_ok());
}

#[tokio::test]
async fn only_a_valid_trace_context_is_passed_on() {
    let world = World::new().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let kept = world.trace(parent, "a=1,b=2").await;
    assert_eq!(
        (kept.traceparent.as_str(), kept.tracestate.as_str()),
        (parent, "a=1,b=2")
    );
    let without_state = world.trace(parent, &"s".repeat(513)).await;
    assert_eq!(
        (
            without_state.traceparent.as_str(),
            without_state.tracestate.as_str()
        ),
        (parent, "")
    );
    for wrong in [
        " ",
        "nonsense",
        &"x".repeat(5000),
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    ] {
        assert_eq!(world.trace(wrong, "a=1").await, Trace::default(), "{wrong}");
    }
}

#[tokio::test]
async fn a_label_that_not_every_database_can_keep_is_refused() {
    let world = World::new().await;
    let message = SubmitJobRequest {
        labels: [("k".to_owned(), "a\0b".to_owned())].into(),
        ..submission()
    };
    let status = world.submit(message).await.unwrap_err();
    assert_eq!(
        (reason(&status).as_str(), fields(&status)),
        ("INVALID_REQUEST", vec!["/labels/k".to_owned()])
    );
    let filter = ListJobsRequest {
        labels: vec!["k=a\0b".to_owned()],
        job_type: "a\0b".to_owned(),
        ..Default::default()
    };
    let status = world.api.list_jobs(ask(filter)).await.unwrap_err();
    assert_eq!(fields(&status), ["/jobType", "/labels/0"]);
}

#[tokio::test]
async fn labels_count_as_a_part_of_what_must_fit_into_a_message() {
    let world = World::new().await;
    let with_labels = |count: usize| SubmitJobRequest {
        payload: Some(Struct {
            fields: (0..900).map(|n| (format!("{n:05}"), number(1.0))).collect(),
        }),
        labels: (0..count).map(|n| (n.to_string(), "v".repeat(256))).collect(),
        ..submission()
    };
    assert!(world.submit(with_labels(0)).await.is_ok());
    let status = world.submit(with_labels(16)).await.unwrap_err();
    assert_eq!(reason(&status), "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_reason_that_cannot_be_kept_cancels_nothing() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let cancel = |reason: String| {
        world.api.cancel_job(ask(CancelJobRequest {
            job_id: job.job_id.clone(),
            reason,
        }))
    };
    for wrong in ["x".repeat(257), "ä".repeat(129), "a\0b".to_owned()] {
        let status = cancel(wrong).await.unwrap_err();
        assert_eq!(
            (reason(&status).as_str(), fields(&status)),
            ("INVALID_REQUEST", vec!["/reason".to_owned()])
        );
    }
    let cancelled = cancel("ä".repeat(128)).await.unwrap().into_inner().job.unwrap();
    assert_eq!((cancelled.state(), cancelled.revision), (JobState::Cancelled, 2));
}

#[tokio::test]
async fn what_ended_otherwise_is_not_cancelled() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let succeeded = Event::Succeeded {
        result: None,
        outputs: None,
    };
    apply(&world, job.job_id.parse().unwrap(), "1", succeeded).await;
    let request = CancelJobRequest {
        job_id: job.job_id,
        ..Default::default()
    };
    let status = world.api.cancel_job(ask(request)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "JOB_TERMINAL")
    );
    assert_eq!(
        detail::<ErrorInfo>(&status).metadata["state"],
        "JOB_STATE_SUCCEEDED"
    );
    for unknown in ["job_00000000000000000000000000", "nonsense", ""] {
        let request = CancelJobRequest {
            job_id: unknown.to_owned(),
            ..Default::default()
        };
        let status = world.api.cancel_job(ask(request)).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::NotFound, "JOB_NOT_FOUND")
        );
    }
}

#[tokio::test]
async fn a_job_that_has_ended_is_deleted_with_its_key() {
    let world = World::new().await;
    let job = world.submit(keyed()).await.unwrap();
    let delete = || {
        let job_id = job.job_id.clone();
        world.api.delete_job(ask(DeleteJobRequest { job_id }))
    };
    let refused = delete().await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "JOB_NOT_TERMINAL")
    );
    let info: ErrorInfo = detail(&refused);
    assert_eq!(info.metadata["state"], "JOB_STATE_QUEUED");
    succeed(&world, &job).await;
    let reply = delete().await.unwrap();
    assert_eq!(reply.metadata().get("http-status").unwrap(), "204");
    let gone = delete().await.unwrap_err();
    assert_eq!(
        (gone.code(), reason(&gone).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    assert_ne!(world.submit(keyed()).await.unwrap().job_id, job.job_id);
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_state_and_no_backlog() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let id: JobId = job.job_id.parse().unwrap();
    let watch = WatchJobRequest {
        job_id: job.job_id.clone(),
        after_revision: None,
    };
    let mut watch = world.api.watch_job(ask(watch)).await.unwrap().into_inner();
    assert!(watch.next().await.unwrap().is_ok());
    apply(&world, id, "1000", Event::Started).await;
    for (completed, event_id) in [(1, "2000"), (2, "3000"), (3, "4000")] {
        let event = Event::Progress(Some(Progress::told(completed, 3, "")));
        apply(&world, id, event_id, event).await;
    }
    let next = watch.next().await.unwrap().unwrap().job.unwrap();
    assert_eq!((next.revision, next.progress.unwrap().completed), (5, 3));
}

#[tokio::test]
async fn a_slow_reader_of_a_busy_job_does_not_outlive_the_server() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let watch = WatchJobRequest {
        job_id: job.job_id.clone(),
        after_revision: None,
    };
    let mut watch = world.api.watch_job(ask(watch)).await.unwrap().into_inner();
    assert!(watch.next().await.unwrap().is_ok());
    // There is something new whenever it asks.
    apply(&world, job.job_id.parse().unwrap(), "1000", Event::Started).await;
    world.api.shutdown.cancel();
    let ended = watch.next().await.unwrap().unwrap_err();
    assert_eq!(
        (ended.code(), reason(&ended).as_str()),
        (Code::Unavailable, "SHUTTING_DOWN")
    );
}

#[tokio::test]
async fn a_watch_of_a_job_that_is_deleted_ends_not_found() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let watch = WatchJobRequest {
        job_id: job.job_id.clone(),
        after_revision: None,
    };
    let mut watch = world.api.watch_job(ask(watch)).await.unwrap().into_inner();
    assert!(watch.next().await.unwrap().is_ok());
    // Both happen while its reader is busy elsewhere.
    succeed(&world, &job).await;
    let job_id = job.job_id.clone();
    world
        .api
        .delete_job(ask(DeleteJobRequest { job_id }))
        .await
        .unwrap();
    let ended = watch.next().await.unwrap().unwrap_err();
    assert_eq!(
        (ended.code(), reason(&ended).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    assert!(watch.next().await.is_none());
}

async fn succeed(world: &World, job: &Job) {
    let event = Event::Succeeded {
        result: None,
        outputs: None,
    };
    apply(world, job.job_id.parse().unwrap(), "9000", event).await;
}

fn number(double: f64) -> Value {
    Value {
        kind: Some(Kind::NumberValue(double)),
    }
}

#[tokio::test]
async fn the_shortest_wait_is_a_wait() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let wait = |nanos| {
        world.api.get_job(ask(GetJobRequest {
            job_id: job.job_id.clone(),
            wait: Some(ProtoDuration { seconds: 0, nanos }),
            after_revision: None,
        }))
    };
    assert!(wait(1).await.is_ok());
    assert_eq!(wait(-1).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn what_is_repeated_is_the_newest_state() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let id: JobId = job.job_id.parse().unwrap();
    apply_progress(&world, id, "1").await;
    let watched = world.api.watch_job(ask(WatchJobRequest {
        job_id: job.job_id,
        after_revision: None,
    }));
    let mut watched = watched.await.unwrap().into_inner();
    let first = watched.next().await.unwrap().unwrap().job.unwrap();

    let mut next = Box::pin(watched.next());
    // Time for the reading after which it waits.
    let waiting = tokio::time::timeout(Duration::from_millis(200), &mut next);
    assert!(waiting.await.is_err());
    // Moves the deadline on, which is no revision and wakes nobody.
    apply_progress(&world, id, "2").await;
    // A paused clock stands still as long as something blocks, and so goes on by what it is told alone.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let blocking = tokio::task::spawn_blocking(move || held.recv().is_err());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    let second = next.await.unwrap().unwrap().job.unwrap();
    assert_eq!(second.revision, first.revision);
    assert_ne!(second.deadline, first.deadline);
    drop(release);
    assert!(blocking.await.unwrap());
}

#[tokio::test]
async fn a_long_poll_ends_before_its_callers_deadline() {
    let world = World::new().await;
    let job = world.submit(submission()).await.unwrap();
    let mut request = ask(GetJobRequest {
        job_id: job.job_id,
        wait: Some(ProtoDuration {
            seconds: 50,
            nanos: 0,
        }),
        after_revision: None,
    });
    request.set_timeout(Duration::from_secs(1));
    let began = Instant::now();
    let reply = tokio::time::timeout(Duration::from_secs(20), world.api.get_job(request)).await;
    let job = reply.expect("it waits on").unwrap().into_inner().job.unwrap();
    assert_eq!(job.revision, 1);
    assert!(began.elapsed() > Duration::from_millis(500), "it did wait");
}

async fn apply_progress(world: &World, job: JobId, event_id: &str) {
    let progress = Progress {
        completed: 1,
        total: 2,
        message: String::new(),
    };
    apply(world, job, event_id, Event::Progress(Some(progress))).await;
}

async fn apply(world: &World, job: JobId, event_id: &str, event: Event) {
    let outcome = Outcome {
        dispatch: 1,
        event_id: event_id.to_owned(),
        attempt: None,
        seq: None,
        event,
    };
    let letter = Letter {
        message_id: "m".to_owned(),
        body: "{}".to_owned(),
    };
    let policy = |_: &postern_server::job::Job| RetryPolicy {
        dispatches: 1,
        backoff_millis: 0,
    };
    let report = Report { job, outcome, letter };
    let system = world.api.store.system();
    // So that the deadline is another one, to the millisecond.
    let now = Timestamp::now().plus_millis(1000 * event_id.parse::<i64>().unwrap());
    system.apply(&[report], &policy, now).await.unwrap();
}
