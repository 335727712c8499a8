//! Following all jobs of a partner through the gRPC door: pages of changes, long polls, the watch with its snapshot, and how each ends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt as _;
use postern_proto::google::rpc::{BadRequest, ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1::job_service_server::JobService;
use postern_proto::postern::v1::{
    CancelJobRequest, JobState, ListJobChangesRequest, ListJobChangesResponse, SubmitJobRequest,
    WatchJobsRequest, WatchJobsResponse,
};
use postern_server::api::Api;
use postern_server::auth::Caller;
use postern_server::catalog::{Catalog, Source};
use postern_server::hub::Hub;
use postern_server::job::{PartnerId, Timestamp};
use postern_server::queue::Census;
use postern_server::seal::Seal;
use postern_server::store::{Config, Store};
use postern_server::vitals::Vitals;
use prost::{Message as _, Name};
use prost_types::Duration as ProtoDuration;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Request, Status};

const JOB_TYPE: &str = "version: \"1\"\nconsumer_type: X\nschema: {type: object}\n";
const SOON: Duration = Duration::from_secs(20);

/// A server without loops but the one that wakes watchers.
struct World {
    api: Api,
    /// Ends that loop.
    _hub: DropGuard,
    _folder: Option<tempfile::TempDir>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        Self::on(url, Some(folder)).await
    }

    async fn on(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let store = Store::open(&Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        store.mark_start(Timestamp::now()).await.unwrap();
        let files =
            ["a.b", "c.d"].map(|name| (format!("{name}.yaml"), format!("name: {name}\n{JOB_TYPE}").into()));
        let (hub, ended) = (Hub::default(), CancellationToken::new());
        tokio::spawn(hub.clone().run(store.signals().changes(), ended.clone()));
        let api = Api {
            store: store.clone(),
            hub,
            catalog: Arc::new(Catalog::load(&Source::Files(files.into())).unwrap()),
            seal: Seal::parse(&Seal::generate().unwrap()).unwrap(),
            payload_bytes_max: 10_000.into(),
            vitals: Vitals::new(store.clone(), Census::default(), Arc::default(), Hub::default()),
            shutdown: CancellationToken::new(),
        };
        Self {
            api,
            _hub: ended.drop_guard(),
            _folder: folder,
        }
    }

    async fn submit(&self, job_type: &str) -> String {
        let request = SubmitJobRequest {
            job_type: job_type.to_owned(),
            ..Default::default()
        };
        let reply = self.api.submit_job(ask(request)).await.unwrap();
        reply.into_inner().job.unwrap().job_id
    }

    /// A job that nobody has begun ends by this.
    async fn cancel(&self, job_id: &str) {
        let request = CancelJobRequest {
            job_id: job_id.to_owned(),
            ..Default::default()
        };
        self.api.cancel_job(ask(request)).await.unwrap();
    }

    async fn changes(&self, request: ListJobChangesRequest) -> Result<ListJobChangesResponse, Status> {
        let reply = self.api.list_job_changes(ask(request)).await?;
        Ok(reply.into_inner())
    }

    async fn now(&self) -> String {
        self.changes(Default::default()).await.unwrap().next_cursor
    }

    async fn watch(&self, request: WatchJobsRequest) -> Watch {
        Watch(self.api.watch_jobs(ask(request)).await.unwrap().into_inner())
    }
}

/// A watch of all jobs, as its reader takes it.
struct Watch(<Api as JobService>::WatchJobsStream);

impl Watch {
    /// Which job, its state, and the cursor.
    async fn next(&mut self) -> (String, JobState, String) {
        let message = self.end().await.unwrap();
        let job = message.job.unwrap_or_default();
        (job.job_id.clone(), job.state(), message.cursor)
    }

    async fn end(&mut self) -> Result<WatchJobsResponse, Status> {
        let next = tokio::time::timeout(SOON, self.0.next()).await;
        next.expect("nothing came").expect("it ended without a word")
    }
}

/// A request as the door lets it through.
fn ask<T>(message: T) -> Request<T> {
    ask_as("acme", Duration::from_hours(1), message)
}

fn ask_as<T>(partner: &str, life: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        partner: PartnerId::new(partner),
        client_id: partner.to_owned(),
        scopes: Vec::new(),
        expires_at: SystemTime::now() + life,
    });
    request
}

fn after(cursor: &str) -> ListJobChangesRequest {
    ListJobChangesRequest {
        cursor: cursor.to_owned(),
        ..Default::default()
    }
}

const fn seconds(seconds: i64) -> Option<ProtoDuration> {
    Some(ProtoDuration { seconds, nanos: 0 })
}

fn ids(changes: &ListJobChangesResponse) -> Vec<&str> {
    changes.jobs.iter().map(|job| job.job_id.as_str()).collect()
}

fn detail<M: Name + Default>(status: &Status) -> M {
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let found = details.iter().find(|any| any.type_url.ends_with(&M::full_name()));
    found
        .map(|any| M::decode(any.value.as_slice()).unwrap())
        .unwrap_or_default()
}

fn why(status: &Status) -> (Code, String) {
    (status.code(), detail::<ErrorInfo>(status).reason)
}

#[tokio::test]
async fn changes_come_in_pages_and_the_cursor_is_always_set() {
    let world = World::new().await;
    let cursor = world.now().await;
    let jobs = [
        world.submit("a.b").await,
        world.submit("a.b").await,
        world.submit("c.d").await,
    ];
    let page = |cursor: &str, page_size| {
        world.changes(ListJobChangesRequest {
            page_size,
            ..after(cursor)
        })
    };
    let first = page(&cursor, 2).await.unwrap();
    assert_eq!(ids(&first), jobs[..2]);
    let second = page(&first.next_cursor, 2).await.unwrap();
    assert_eq!(ids(&second), jobs[2..]);
    let none = page(&second.next_cursor, 5000).await.unwrap();
    assert_eq!((ids(&none), none.next_cursor.is_empty()), (Vec::new(), false));
    let filtered = ListJobChangesRequest {
        job_type: "c.d".to_owned(),
        ..Default::default()
    };
    let filtered = world.changes(filtered).await.unwrap();
    world.submit("a.b").await;
    let job = world.submit("c.d").await;
    let filtered = ListJobChangesRequest {
        job_type: "c.d".to_owned(),
        ..after(&filtered.next_cursor)
    };
    assert_eq!(ids(&world.changes(filtered).await.unwrap()), [job]);
}

#[tokio::test]
async fn a_cursor_that_is_not_the_callers_is_refused() {
    let world = World::new().await;
    let cursor = world.now().await;
    let filtered = ListJobChangesRequest {
        job_type: "a.b".to_owned(),
        ..after(&cursor)
    };
    let (long, forged) = ("x".repeat(100_000), format!("{cursor}x"));
    for request in [filtered, after(&long), after(&forged), after("nonsense")] {
        let status = world.changes(request).await.unwrap_err();
        assert_eq!(why(&status), (Code::InvalidArgument, "CURSOR_INVALID".to_owned()));
    }
    let foreign = ask_as("globex", SOON, after(&cursor));
    let status = world.api.list_job_changes(foreign).await.unwrap_err();
    assert_eq!(why(&status), (Code::InvalidArgument, "CURSOR_INVALID".to_owned()));
    let watch = WatchJobsRequest {
        cursor: forged,
        ..Default::default()
    };
    let status = world.api.watch_jobs(ask(watch)).await.err().unwrap();
    assert_eq!(why(&status), (Code::InvalidArgument, "CURSOR_INVALID".to_owned()));
}

#[tokio::test]
async fn every_fault_of_a_request_for_changes_is_told_at_once() {
    let world = World::new().await;
    let request = ListJobChangesRequest {
        page_size: -1,
        wait: seconds(-1),
        job_type: "\0".to_owned(),
        ..Default::default()
    };
    let status = world.changes(request).await.unwrap_err();
    let bad: BadRequest = detail(&status);
    let fields: Vec<_> = bad
        .field_violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(fields, ["/pageSize", "/wait", "/jobType"]);
}

#[tokio::test]
async fn a_long_poll_returns_at_the_first_change_even_of_a_job_that_is_new() {
    let world = World::new().await;
    world.submit("a.b").await;
    let now = world.now().await;
    for cursor in [String::new(), now] {
        let request = ListJobChangesRequest {
            wait: seconds(50),
            ..after(&cursor)
        };
        let began = Instant::now();
        let mut waiting = std::pin::pin!(world.changes(request));
        // One without a cursor hears of no job that came before it looked.
        let changes = loop {
            tokio::select! {
                biased;
                changes = &mut waiting => break changes.unwrap(),
                _job = world.submit("a.b") => {}
            }
        };
        assert!(!changes.jobs.is_empty() && began.elapsed() < SOON);
    }
}

#[tokio::test]
async fn a_long_poll_ends_without_changes_when_time_is_up_or_the_server_goes_away() {
    let world = World::new().await;
    let waiting = || ListJobChangesRequest {
        wait: seconds(50),
        ..Default::default()
    };
    let mut short = ask(waiting());
    short.set_timeout(Duration::from_secs(1));
    let began = Instant::now();
    let none = world.api.list_job_changes(short).await.unwrap().into_inner();
    assert!(none.jobs.is_empty() && !none.next_cursor.is_empty());
    assert!((500..10_000).contains(&began.elapsed().as_millis()));
    let (ended, ()) = tokio::join!(world.changes(waiting()), async {
        world.api.shutdown.cancel();
    });
    let ended = ended.unwrap();
    assert!(ended.jobs.is_empty() && !ended.next_cursor.is_empty());
    assert!(began.elapsed() < SOON);
}

#[tokio::test]
async fn a_watch_begins_with_a_cursor_and_goes_on_with_each_change() {
    let world = World::new().await;
    world.submit("a.b").await;
    let mut watch = world.watch(Default::default()).await;
    let (job, _, first) = watch.next().await;
    assert!(job.is_empty() && !first.is_empty());
    let job = world.submit("a.b").await;
    let (told, state, queued) = watch.next().await;
    assert_eq!((&told, state), (&job, JobState::Queued));
    world.cancel(&job).await;
    let (told, state, cancelled) = watch.next().await;
    assert_eq!((&told, state), (&job, JobState::Cancelled));
    // Each of its cursors is one of ListJobChanges, and the other way round.
    let changes = world.changes(after(&queued)).await.unwrap();
    assert_eq!(ids(&changes), [job.as_str()]);
    assert!(world.changes(after(&cancelled)).await.unwrap().jobs.is_empty());
    let resumed = WatchJobsRequest {
        cursor: queued,
        // Of no account beside a cursor.
        snapshot: true,
        ..Default::default()
    };
    let mut resumed = world.watch(resumed).await;
    let (told, state, _) = resumed.next().await;
    assert_eq!((&told, state), (&job, JobState::Cancelled));
}

#[tokio::test]
async fn a_snapshot_comes_first_and_its_cursor_was_taken_before_it() {
    let world = World::new().await;
    let mut jobs = Vec::new();
    for _ in 0..150 {
        jobs.push(world.submit("a.b").await);
    }
    world.submit("c.d").await;
    let ended = jobs.pop().unwrap();
    world.cancel(&ended).await;
    let snapshot = WatchJobsRequest {
        snapshot: true,
        job_type: "a.b".to_owned(),
        ..Default::default()
    };
    let mut watch = world.watch(snapshot).await;
    // What changes meanwhile is told after it.
    world.cancel(&jobs[0]).await;
    let mut seen = Vec::new();
    loop {
        let (job, _, cursor) = watch.next().await;
        if job.is_empty() {
            assert!(!cursor.is_empty());
            break;
        }
        assert_eq!(cursor, "");
        seen.push(job);
    }
    seen.sort();
    let mut expected = jobs[1..].to_vec();
    expected.sort();
    assert_eq!(seen, expected);
    let (job, state, _) = watch.next().await;
    assert_eq!((job, state), (jobs[0].clone(), JobState::Cancelled));
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_state_once() {
    let world = World::new().await;
    let mut watch = world.watch(Default::default()).await;
    watch.next().await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(world.submit("a.b").await);
    }
    // Takes one of three that were read, and takes its time.
    assert_eq!(watch.next().await.0, jobs[0]);
    for job in &jobs {
        world.cancel(job).await;
    }
    pass(Duration::from_secs(2)).await;
    for job in &jobs {
        let (told, state, _) = watch.next().await;
        assert_eq!((&told, state), (job, JobState::Cancelled));
    }
}

#[tokio::test]
async fn a_quiet_watch_sends_its_cursor_every_half_minute() {
    let world = World::new().await;
    let mut watch = world.watch(Default::default()).await;
    let (_, _, first) = watch.next().await;
    let mut next = Box::pin(watch.next());
    // Time for the reading after which it waits.
    assert!(
        tokio::time::timeout(Duration::from_millis(200), &mut next)
            .await
            .is_err()
    );
    pass(Duration::from_secs(31)).await;
    let (job, _, cursor) = next.await;
    assert!(job.is_empty() && !cursor.is_empty());
    assert_eq!(first.len(), cursor.len());
}

/// As if so much time had passed.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_watch_ends_with_its_token_or_with_the_server() {
    let world = World::new().await;
    let short = ask_as("acme", Duration::from_millis(300), WatchJobsRequest::default());
    let mut short = Watch(world.api.watch_jobs(short).await.unwrap().into_inner());
    short.next().await;
    let status = short.end().await.unwrap_err();
    assert_eq!(why(&status), (Code::Unauthenticated, "TOKEN_EXPIRED".to_owned()));
    assert!(short.0.next().await.is_none());
    let mut watch = world.watch(Default::default()).await;
    watch.next().await;
    let (status, ()) = tokio::join!(watch.end(), async { world.api.shutdown.cancel() });
    let status = status.unwrap_err();
    assert_eq!(why(&status), (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
    assert!(watch.0.next().await.is_none());
}

/// Nobody tells when a transaction has come to nothing, or was another partner's.
#[tokio::test]
async fn what_was_held_back_is_told_as_soon_as_nothing_holds_it() {
    let url = postern_pgtest::database().unwrap();
    let world = World::on(url.clone(), None).await;
    let cursor = world.now().await;
    let raw = sea_orm::Database::connect(&url).await.unwrap();
    let open = raw.begin().await.unwrap();
    open.execute_unprepared("SELECT pg_current_xact_id()")
        .await
        .unwrap();
    let job = world.submit("a.b").await;
    let held = world.changes(after(&cursor)).await.unwrap();
    assert!(held.jobs.is_empty());
    let waiting = world.changes(ListJobChangesRequest {
        wait: seconds(50),
        ..after(&held.next_cursor)
    });
    let resumed = WatchJobsRequest {
        cursor,
        ..Default::default()
    };
    let mut watch = world.watch(resumed).await;
    let (polled, watched, ()) = tokio::join!(tokio::time::timeout(SOON, waiting), watch.next(), async {
        // Both wait by now, or look for the first time after it: both will do.
        tokio::task::yield_now().await;
        open.rollback().await.unwrap();
    });
    assert_eq!(
        ids(&polled.expect("nobody looked again").unwrap()),
        [job.as_str()]
    );
    assert_eq!(watched.0, job);
}
