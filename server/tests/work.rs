//! `WorkService` called as a consumer's messages reach it, on a real database.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use postern_proto::google::rpc::{ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1::Progress as ProtoProgress;
use postern_proto::postern::work::v1::work_service_server::WorkService as _;
use postern_proto::postern::work::v1::{
    BeginTaskRequest, BeginTaskResponse, Decision, HeartbeatRequest, HeartbeatResponse,
};
use postern_server::api::Api;
use postern_server::catalog::{Catalog, Source};
use postern_server::hub::Hub;
use postern_server::job::{
    Code as FailureCode, Event, Failure, Job, JobId, Outcome, PartnerId, RetryPolicy, State, Timeouts,
    Timestamp,
};
use postern_server::queue::Census;
use postern_server::seal::Seal;
use postern_server::store::system::{Letter, Report};
use postern_server::store::{Change, Config, Store, Submission, Trace};
use postern_server::vitals::Vitals;
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

const JOB_TYPE: &str = "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\n";
const EXECUTION_MILLIS: i64 = 50_000;

struct World {
    api: Api,
    _folder: tempfile::TempDir,
}

/// A job that was handed out.
struct Task {
    job: JobId,
    token: String,
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

    async fn task(&self) -> Task {
        let now = Timestamp::now();
        let timeouts = Timeouts {
            queue_millis: 1_000_000,
            execution_millis: EXECUTION_MILLIS,
            retention_millis: 1_000_000,
        };
        let job = JobId::new(u64::try_from(now.millis()).unwrap());
        let submission = Submission {
            job: Job::new(job, PartnerId::new("acme"), timeouts, now),
            payload: "{}".to_owned(),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        };
        self.api.store.partner().submit(&submission).await.unwrap();
        let claimed = self.api.store.system().claim(1, 90_000, now).await.unwrap();
        assert_eq!(claimed[0].job.id, job);
        let token = self.api.seal.outcome_token(job, 1);
        Task { job, token }
    }

    async fn job(&self, id: JobId) -> Job {
        let found = self.api.store.partner().get(&PartnerId::new("acme"), id).await;
        found.unwrap().unwrap()
    }

    async fn cancel(&self, id: JobId) {
        let (partner, now) = (PartnerId::new("acme"), Timestamp::now());
        self.api
            .store
            .partner()
            .cancel(&partner, id, "", now)
            .await
            .unwrap();
    }

    async fn apply(&self, job: JobId, event_id: &str, event: Event) {
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
        let policy = |_: &Job| RetryPolicy {
            dispatches: 3,
            backoff_millis: 5_000,
        };
        let report = Report { job, outcome, letter };
        let system = self.api.store.system();
        system.apply(&[report], &policy, Timestamp::now()).await.unwrap();
    }

    async fn begin(&self, task: &Task, attempt: i32) -> Result<BeginTaskResponse, Status> {
        let request = BeginTaskRequest {
            outcome_token: task.token.clone(),
            attempt,
        };
        Ok(self.api.begin_task(Request::new(request)).await?.into_inner())
    }

    async fn heartbeat(
        &self,
        task: &Task,
        attempt: i32,
        progress: Option<ProtoProgress>,
    ) -> Result<HeartbeatResponse, Status> {
        let request = HeartbeatRequest {
            outcome_token: task.token.clone(),
            attempt,
            progress,
        };
        Ok(self.api.heartbeat(Request::new(request)).await?.into_inner())
    }
}

fn succeeded() -> Event {
    Event::Succeeded {
        result: None,
        outputs: None,
    }
}

fn retryable() -> Event {
    let failure = Failure {
        code: FailureCode::Unavailable,
        reason: "AWAY".to_owned(),
        message: "away".to_owned(),
        violations: Vec::new(),
    };
    Event::Failed {
        failure,
        retryable: true,
        retry_delay_millis: None,
    }
}

fn reason(status: &Status) -> String {
    let details = RpcStatus::decode(status.details()).unwrap().details;
    ErrorInfo::decode(details[0].value.as_slice()).unwrap().reason
}

fn deadline(job: &Job) -> Option<prost_types::Timestamp> {
    let millis = job.deadline.millis();
    Some(prost_types::Timestamp {
        seconds: millis.div_euclid(1000),
        nanos: i32::try_from(millis.rem_euclid(1000)).unwrap() * 1_000_000,
    })
}

#[tokio::test]
async fn a_task_that_is_still_wanted_begins_and_its_start_is_known() {
    let world = World::new().await;
    let task = world.task().await;
    let mut changes = world.api.store.signals().changes();
    let begun = world.begin(&task, 1).await.unwrap();
    let job = world.job(task.job).await;
    assert_eq!(
        (job.state, job.revision, job.attempt),
        (State::Running, 2, Some(1))
    );
    assert_eq!((begun.decision(), begun.deadline), (Decision::Go, deadline(&job)));
    assert_eq!(
        job.deadline,
        job.start_time.unwrap().plus_millis(EXECUTION_MILLIS)
    );
    assert_eq!(
        changes.try_recv().unwrap(),
        Change::Of(job.partner.clone(), task.job)
    );
    // Asked again, and told besides.
    assert_eq!(world.begin(&task, 1).await.unwrap().decision(), Decision::Go);
    assert_eq!(world.job(task.job).await, job);
    // That it has the task proves that it was sent.
    assert_eq!(world.api.store.system().next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_cancelled_task_that_nobody_has_begun_is_not_begun_and_the_job_is_cancelled() {
    let world = World::new().await;
    let task = world.task().await;
    world.cancel(task.job).await;
    assert_eq!(world.job(task.job).await.state, State::Queued);
    for _ in 0..2 {
        let begun = world.begin(&task, 1).await.unwrap();
        assert_eq!((begun.decision(), begun.deadline), (Decision::Cancelled, None));
        let job = world.job(task.job).await;
        assert_eq!((job.state, job.revision), (State::Cancelled, 3));
    }
    let beat = world.heartbeat(&task, 1, None).await.unwrap();
    assert_eq!(
        (beat.decision(), beat.cancel_requested),
        (Decision::Cancelled, true)
    );
}

#[tokio::test]
async fn a_cancelled_task_whose_start_is_known_keeps_running_and_is_told() {
    let world = World::new().await;
    let task = world.task().await;
    world.begin(&task, 1).await.unwrap();
    world.cancel(task.job).await;
    let before = world.job(task.job).await;
    // A redelivery, say: the first execution may be at its end.
    let again = world.begin(&task, 2).await.unwrap();
    assert_eq!(again.decision(), Decision::Cancelled);
    assert_eq!(world.job(task.job).await, before);
    let beat = world.heartbeat(&task, 1, None).await.unwrap();
    assert_eq!((beat.decision(), beat.cancel_requested), (Decision::Go, true));
    world.apply(task.job, "e", succeeded()).await;
    assert_eq!(world.job(task.job).await.state, State::Succeeded);
}

#[tokio::test]
async fn a_heartbeat_moves_the_deadline_and_only_new_progress_is_a_revision() {
    let world = World::new().await;
    let task = world.task().await;
    world.begin(&task, 1).await.unwrap();
    let started = world.job(task.job).await;
    let beat = world.heartbeat(&task, 1, None).await.unwrap();
    let job = world.job(task.job).await;
    assert_eq!((beat.decision(), beat.deadline), (Decision::Go, deadline(&job)));
    assert!(job.deadline >= started.deadline);
    assert_eq!(job.revision, started.revision);

    let told = ProtoProgress {
        completed: -7,
        total: 9,
        message: format!("{}\0", "x".repeat(2_046)),
    };
    for _ in 0..2 {
        world.heartbeat(&task, 1, Some(told.clone())).await.unwrap();
        let job = world.job(task.job).await;
        assert_eq!(job.revision, started.revision + 1);
        let progress = job.progress.unwrap();
        assert_eq!((progress.completed, progress.total), (0, 9));
        assert_eq!(
            (progress.message.len(), progress.message.contains('\0')),
            (2_046, false)
        );
    }
}

#[tokio::test]
async fn a_heartbeat_of_a_task_whose_start_was_not_told_is_a_start() {
    let world = World::new().await;
    let task = world.task().await;
    world.heartbeat(&task, 0, None).await.unwrap();
    let job = world.job(task.job).await;
    assert_eq!((job.state, job.attempt), (State::Running, None));
}

#[tokio::test]
async fn what_has_ended_is_not_begun_and_what_was_handed_out_anew_neither() {
    let world = World::new().await;
    let (ended, superseded) = (world.task().await, world.task().await);
    world.apply(ended.job, "e", succeeded()).await;
    world.apply(superseded.job, "e", retryable()).await;
    for (task, decision) in [(ended, Decision::Cancelled), (superseded, Decision::Superseded)] {
        let before = world.job(task.job).await;
        let begun = world.begin(&task, 1).await.unwrap();
        assert_eq!((begun.decision(), begun.deadline), (decision, None));
        let beat = world.heartbeat(&task, 1, None).await.unwrap();
        assert_eq!((beat.decision(), beat.deadline), (decision, None));
        assert_eq!(world.job(task.job).await, before);
    }
}

#[tokio::test]
async fn forged_tokens_deleted_jobs_and_impossible_attempts_are_told_apart() {
    let world = World::new().await;
    let task = world.task().await;
    for forged in [
        String::new(),
        "nonsense".to_owned(),
        format!("{}x", task.token),
        Seal::parse(&Seal::generate().unwrap())
            .unwrap()
            .outcome_token(task.job, 1),
    ] {
        let forged = Task {
            token: forged,
            ..task
        };
        for status in [
            world.begin(&forged, 1).await.unwrap_err(),
            world.heartbeat(&forged, 1, None).await.unwrap_err(),
        ] {
            assert_eq!(
                (status.code(), reason(&status).as_str()),
                (Code::InvalidArgument, "OUTCOME_TOKEN_INVALID")
            );
        }
    }
    let deleted = Task {
        token: world.api.seal.outcome_token(JobId::new(1), 1),
        ..task
    };
    let status = world.begin(&deleted, 1).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    let status = world.heartbeat(&task, -1, None).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST")
    );
    assert_eq!(world.job(task.job).await.revision, 1);
}
