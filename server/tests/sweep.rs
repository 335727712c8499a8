//! What time alone does to jobs, on SQLite and on PostgreSQL: deadlines, late outcomes, retention. The time is passed in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use postern_server::job::{
    Event, Execution, Job, JobId, Operator, Outcome, PartnerId, Progress, RetryPolicy, State, Timeouts,
    Timestamp,
};
use postern_server::listening::Listening;
use postern_server::queue;
use postern_server::store::operator::PauseSubject;
use postern_server::store::system::{Letter, Origin, Overdue, Report, Unusable, Verdict};
use postern_server::store::{Config, Deletion, Store, Submission, Submitted, Trace, UniqueKey};
use postern_server::sweep::{Deadlines, Retention};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::json;
use tokio::net::TcpListener;

const POLICY: RetryPolicy = RetryPolicy {
    dispatches: 1,
    backoff_millis: 0,
};
const MINUTE: i64 = 60_000;
const TIMEOUTS: Timeouts = Timeouts {
    queue_millis: 10 * MINUTE,
    execution_millis: 5 * MINUTE,
    retention_millis: 100 * MINUTE,
};
const BATCH: u64 = 100;

/// Runs each of these on a new database of each kind: there is one contract. One that is left out is dead code, which the lints refuse.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            use super::World;
            $(#[tokio::test] async fn $name() { super::$name(World::on_sqlite().await).await; })*
        }
        mod postgres {
            use super::World;
            $(#[tokio::test] async fn $name() { super::$name(World::on_postgres().await).await; })*
        }
    };
}

on_both! {
    a_job_that_nobody_started_in_time_expires_and_lets_go_of_what_it_held,
    progress_and_heartbeats_keep_a_running_job_until_they_stop,
    a_success_after_expiry_is_history_and_nothing_else,
    nothing_expires_twice_however_many_sweep,
    a_success_and_a_sweep_at_once_leave_one_end,
    a_heartbeat_and_a_sweep_at_once_never_both_win,
    a_clock_that_was_set_back_expires_later_and_brings_nothing_back,
    a_clock_that_went_forward_leaves_a_minute_to_be_heard_again,
    nothing_expires_while_an_outcome_waits_to_be_collected,
    a_busy_queue_delays_expiry_by_what_a_dead_process_may_hold,
    what_came_before_a_restart_has_a_minute_to_be_heard,
    an_hour_without_sqs_expires_nothing,
    a_purged_job_leaves_nothing_behind_and_its_key_and_values_are_free,
    whatever_is_old_is_deleted_in_batches_and_the_rest_stays,
    an_outcome_of_a_purged_job_finds_none,
    the_quarantine_is_kept_for_thirty_days,
    what_operators_did_is_known_for_four_hundred_days,
    a_partner_deletes_its_own_jobs_once_they_have_ended,
    a_deletion_and_a_late_outcome_at_once_both_go_through,
}

struct World {
    store: Store,
    database: DatabaseConnection,
    _folder: Option<tempfile::TempDir>,
}

impl World {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        Self::new(url, Some(folder)).await
    }

    async fn on_postgres() -> Self {
        Self::new(postern_pgtest::database().unwrap(), None).await
    }

    async fn new(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let store = Store::open(&Config::new(&url)).await.unwrap();
        store.migrate().await.unwrap();
        let mut one = ConnectOptions::new(url);
        one.max_connections(1);
        Self {
            store,
            database: sea_orm::Database::connect(one).await.unwrap(),
            _folder: folder,
        }
    }

    async fn submit(&self, now: Timestamp) -> JobId {
        self.submit_with(now, None).await.unwrap()
    }

    /// With every kind of row that belongs to a job. None where a unique value is held.
    async fn submit_with(&self, now: Timestamp, key: Option<&str>) -> Option<JobId> {
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let mut job = Job::new(id, PartnerId::new("acme"), TIMEOUTS, now);
        job.job_type = "a.b".to_owned();
        job.request_id = key.map(str::to_owned);
        job.labels = BTreeMap::from([("team".to_owned(), "crm".to_owned())]);
        let unique = key.map(|_| UniqueKey {
            name: "reference".to_owned(),
            digest: [7; 32],
        });
        let submission = Submission {
            job,
            payload: "{}".to_owned(),
            digest: [1; 32],
            unique: unique.into_iter().collect(),
            trace: Trace::default(),
        };
        match self.store.partner().submit(&submission).await {
            Ok(Submitted::New(job)) => Some(job.id),
            Ok(Submitted::Known(job)) => panic!("{} was known", job.id),
            Err(_held) => None,
        }
    }

    /// A job whose consumer has reported that it began at this time.
    async fn running(&self, now: Timestamp) -> JobId {
        let job = self.submit(now).await;
        self.apply(job, "started", Event::Started, now).await;
        job
    }

    async fn apply(&self, job: JobId, event_id: &str, event: Event, now: Timestamp) -> Verdict {
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
        let report = Report { job, outcome, letter };
        self.store
            .system()
            .apply(&[report], &|_| POLICY, now)
            .await
            .unwrap()[0]
    }

    async fn expire(&self, now: Timestamp) -> u64 {
        let overdue = Overdue {
            deadline: now,
            created: None,
        };
        self.store.system().expire(overdue, BATCH, now).await.unwrap()
    }

    async fn find(&self, id: JobId) -> Option<Job> {
        self.store
            .partner()
            .get(&PartnerId::new("acme"), id)
            .await
            .unwrap()
    }

    async fn job(&self, id: JobId) -> Job {
        self.find(id).await.unwrap()
    }

    /// (state, reason) of a job.
    async fn end(&self, id: JobId) -> (State, Option<String>) {
        let job = self.job(id).await;
        (job.state, job.failure.map(|failure| failure.reason))
    }

    async fn count(&self, what: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM {what}");
        let statement = Statement::from_string(self.database.get_database_backend(), sql);
        let row = self.database.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }

    async fn deadlines(&self, sqs: &Sqs, now: Timestamp) -> Deadlines {
        Deadlines {
            store: self.store.clone(),
            results: queue::open(&sqs.config(), []).await.unwrap().results,
            listening: Listening::new(now),
            meters: Default::default(),
        }
    }
}

fn succeeded() -> Event {
    Event::Succeeded {
        result: None,
        outputs: None,
    }
}

fn ago(minutes: i64) -> Timestamp {
    Timestamp::now().plus_millis(-minutes * MINUTE)
}

fn expired(reason: &str) -> (State, Option<String>) {
    (State::Expired, Some(reason.to_owned()))
}

/// An SQS endpoint that says how much waits in the queue of outcomes.
struct Sqs {
    url: String,
    waiting: AtomicU64,
    is_down: AtomicBool,
}

impl Sqs {
    async fn start() -> Arc<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            waiting: AtomicU64::new(0),
            is_down: AtomicBool::new(false),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&endpoint));
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        endpoint
    }

    fn config(&self) -> queue::Config {
        queue::Config {
            endpoint: Some(self.url.clone()),
            jobs: "jobs".to_owned(),
            results: "results".to_owned(),
        }
    }

    fn hold(&self, messages: u64) {
        self.waiting.store(messages, Ordering::Relaxed);
    }

    fn is_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }
}

async fn answer(Shared(endpoint): Shared<Arc<Sqs>>, headers: HeaderMap, body: String) -> Response {
    if endpoint.is_down.load(Ordering::Relaxed) {
        // One that the client does not ask again by itself.
        return (StatusCode::BAD_REQUEST, Json(json!({"__type": "Outage"}))).into_response();
    }
    let action = headers["x-amz-target"].to_str().unwrap();
    let reply = if action.ends_with("GetQueueUrl") {
        let request: serde_json::Value = serde_json::from_str(&body).unwrap();
        json!({"QueueUrl": format!("{}/{}", endpoint.url, request["QueueName"].as_str().unwrap())})
    } else {
        json!({"Attributes": {
            "MaximumMessageSize": "1048576",
            "VisibilityTimeout": "30",
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": endpoint.waiting.load(Ordering::Relaxed).to_string(),
            "ApproximateNumberOfMessagesDelayed": "0",
        }})
    };
    Json(reply).into_response()
}

/// A round of the loop, in a process that has just found no outcomes.
async fn round(deadlines: &Deadlines, now: Timestamp) {
    deadlines.listening.collected(Some(now), now);
    deadlines.round(now).await.unwrap();
}

async fn a_job_that_nobody_started_in_time_expires_and_lets_go_of_what_it_held(world: World) {
    let accepted = ago(10);
    let job = world.submit_with(accepted, Some("key")).await.unwrap();
    assert_eq!(world.submit_with(accepted, Some("other")).await, None);
    let mut changes = world.store.signals().changes();
    let deadline = accepted.plus_millis(TIMEOUTS.queue_millis);
    assert_eq!(
        world.store.system().next_deadline().await.unwrap(),
        Some(deadline)
    );
    assert_eq!(world.expire(deadline.plus_millis(-1)).await, 0);
    assert_eq!(world.expire(deadline).await, 1);
    assert_eq!(world.store.system().next_deadline().await.unwrap(), None);

    let ended = world.job(job).await;
    assert_eq!(world.end(job).await, expired("QUEUE_TIMEOUT"));
    assert_eq!((ended.revision, ended.end_time), (2, Some(deadline)));
    assert_eq!(
        ended.purge_time,
        Some(deadline.plus_millis(TIMEOUTS.retention_millis))
    );
    assert!(changes.try_recv().is_ok());
    assert_eq!(world.count("job_events WHERE kind = 'expired'").await, 1);
    // Nothing is left to send, and what it held is free.
    let claimed = world.store.system().claim(10, MINUTE, Timestamp::now()).await;
    assert!(claimed.unwrap().is_empty());
    assert!(world.submit_with(accepted, Some("other")).await.is_some());
}

async fn progress_and_heartbeats_keep_a_running_job_until_they_stop(world: World) {
    let start = ago(60);
    let job = world.running(start).await;
    let at = |minutes: i64| start.plus_millis(minutes * MINUTE);
    world.apply(job, "p", Event::Progress(None), at(4)).await;
    assert_eq!(world.expire(at(8)).await, 0);
    let execution = Execution {
        dispatch: 1,
        attempt: None,
    };
    let told = Progress::told(1, 2, "");
    let work = world.store.work();
    work.heartbeat(job, execution, Some(&told), at(8)).await.unwrap();
    assert_eq!(world.expire(at(13).plus_millis(-1)).await, 0);
    assert_eq!(world.expire(at(13)).await, 1);
    assert_eq!(world.end(job).await, expired("EXECUTION_TIMEOUT"));
    // What is known of the execution stays.
    let ended = world.job(job).await;
    assert_eq!((ended.start_time, ended.progress), (Some(start), Some(told)));
}

async fn a_success_after_expiry_is_history_and_nothing_else(world: World) {
    let job = world.running(ago(60)).await;
    world.expire(ago(1)).await;
    let ended = world.job(job).await;
    assert_eq!(
        world.apply(job, "done", succeeded(), Timestamp::now()).await,
        Verdict::Settled
    );
    assert_eq!(world.job(job).await, ended);
    assert_eq!(world.count("job_events WHERE kind = 'late_outcome'").await, 1);
    assert_eq!(
        world
            .count("counters WHERE name = 'anomalies' AND value = 1")
            .await,
        1
    );
}

async fn nothing_expires_twice_however_many_sweep(world: World) {
    let mut jobs = Vec::new();
    for _ in 0..250 {
        jobs.push(world.submit(ago(60)).await);
    }
    let now = Timestamp::now();
    let mut sum = 0;
    loop {
        let (one, other, third) = tokio::join!(world.expire(now), world.expire(now), world.expire(now));
        assert!(one.max(other).max(third) <= BATCH);
        sum += one + other + third;
        if one + other + third == 0 {
            break;
        }
    }
    assert_eq!(sum, 250);
    for job in jobs {
        assert_eq!(world.job(job).await.revision, 2);
    }
    assert_eq!(world.count("job_events WHERE kind = 'expired'").await, 250);
}

async fn a_success_and_a_sweep_at_once_leave_one_end(world: World) {
    let now = Timestamp::now();
    let mut ends = BTreeMap::new();
    for number in 0..50 {
        let job = world.running(ago(60)).await;
        if number % 2 == 0 {
            tokio::join!(world.apply(job, "done", succeeded(), now), world.expire(now));
        } else {
            tokio::join!(world.expire(now), world.apply(job, "done", succeeded(), now));
        }
        // One that was locked while it was swept is the next round's.
        world.expire(now).await;
        let ended = world.job(job).await;
        assert_eq!(ended.revision, 3);
        *ends.entry(format!("{:?}", ended.state)).or_insert(0_i64) += 1;
    }
    let late = ends.get("Expired").copied().unwrap_or_default();
    assert_eq!(late + ends.get("Succeeded").copied().unwrap_or_default(), 50);
    assert_eq!(
        world.count("job_events WHERE kind = 'late_outcome'").await,
        late,
        "whoever came second is told in the history alone"
    );
}

async fn a_heartbeat_and_a_sweep_at_once_never_both_win(world: World) {
    let now = Timestamp::now();
    let execution = Execution {
        dispatch: 1,
        attempt: None,
    };
    for number in 0..50 {
        let job = world.running(ago(60)).await;
        let work = world.store.work();
        let beat = work.heartbeat(job, execution, None, now);
        let (beat, _) = if number % 2 == 0 {
            tokio::join!(beat, world.expire(now))
        } else {
            let (expired, beat) = tokio::join!(world.expire(now), beat);
            (beat, expired)
        };
        let (told, _) = beat.unwrap().unwrap();
        world.expire(now).await;
        let job = world.job(job).await;
        assert_eq!(told.state, job.state, "the consumer was told what is so");
        let is_alive = job.state == State::Running && job.deadline > now;
        assert!(is_alive || job.state == State::Expired, "{job:?}");
    }
}

async fn a_clock_that_was_set_back_expires_later_and_brings_nothing_back(world: World) {
    let (sqs, start) = (Sqs::start().await, ago(120));
    let at = |seconds: i64| start.plus_millis(seconds * 1000);
    let (early, late) = (world.submit(at(0)).await, world.submit(at(300)).await);
    let deadlines = world.deadlines(&sqs, at(540)).await;
    for second in (540..=600).step_by(20) {
        round(&deadlines, at(second)).await;
    }
    let ended = world.job(early).await;
    assert_eq!(ended.state, State::Expired);

    // Ten minutes back: what has ended has ended, and its last change does not look newer than it was.
    assert_eq!(
        world.apply(early, "s", Event::Started, at(0)).await,
        Verdict::Settled
    );
    for second in (0..900).step_by(20) {
        round(&deadlines, at(second)).await;
    }
    assert_eq!(world.job(early).await, ended);
    assert_eq!(world.job(late).await.state, State::Queued);
    round(&deadlines, at(900)).await;
    assert_eq!(world.end(late).await, expired("QUEUE_TIMEOUT"));
}

async fn a_clock_that_went_forward_leaves_a_minute_to_be_heard_again(world: World) {
    let (sqs, start) = (Sqs::start().await, ago(120));
    let (alive, silent) = (world.running(start).await, world.running(start).await);
    let deadlines = world.deadlines(&sqs, start.plus_millis(-10 * MINUTE)).await;
    for second in (-120..=0).step_by(20) {
        round(&deadlines, start.plus_millis(second * 1000)).await;
    }
    let jumped = start.plus_millis(10 * MINUTE);
    for second in (0..=50).step_by(10) {
        round(&deadlines, jumped.plus_millis(second * 1000)).await;
    }
    let heard = jumped.plus_millis(55_000);
    world.apply(alive, "p", Event::Progress(None), heard).await;
    round(&deadlines, jumped.plus_millis(MINUTE)).await;
    assert_eq!(world.job(alive).await.state, State::Running);
    assert_eq!(world.end(silent).await, expired("EXECUTION_TIMEOUT"));
}

async fn nothing_expires_while_an_outcome_waits_to_be_collected(world: World) {
    let (sqs, start) = (Sqs::start().await, ago(120));
    let at = |seconds: i64| start.plus_millis(seconds * 1000);
    let job = world.running(start).await;
    let deadlines = world.deadlines(&sqs, start).await;
    sqs.hold(1);
    for second in (0..=1200).step_by(20) {
        // What is collected is as old as that.
        deadlines.listening.collected(Some(start), at(second));
        deadlines.round(at(second)).await.unwrap();
    }
    assert_eq!(world.job(job).await.state, State::Running);
    sqs.hold(0);
    round(&deadlines, at(1201)).await;
    assert_eq!(world.end(job).await, expired("EXECUTION_TIMEOUT"));
}

/// There is never nothing that waits, but it is young.
async fn a_busy_queue_delays_expiry_by_what_a_dead_process_may_hold(world: World) {
    let (sqs, start) = (Sqs::start().await, ago(60));
    let job = world.running(start).await;
    let deadline = start.plus_millis(TIMEOUTS.execution_millis);
    let deadlines = world.deadlines(&sqs, start).await;
    sqs.hold(7);
    for second in (0..=420).step_by(10) {
        let now = start.plus_millis(second * 1000);
        round(&deadlines, now).await;
        // The visibility timeout, half a minute for a reply, and half a minute since order is kept only roughly.
        let is_over = now >= deadline.plus_millis(90_000);
        let expected = if is_over { State::Expired } else { State::Running };
        assert_eq!(world.job(job).await.state, expected, "after {second} s");
    }
}

async fn what_came_before_a_restart_has_a_minute_to_be_heard(world: World) {
    let sqs = Sqs::start().await;
    let restart = ago(1).plus_millis(1000);
    let old = world.running(ago(60)).await;
    let deadlines = world.deadlines(&sqs, restart).await;
    let young = world.submit(restart).await;
    let early = "UPDATE jobs SET deadline = 0";
    world.database.execute_unprepared(early).await.unwrap();
    round(&deadlines, restart.plus_millis(100)).await;
    assert_eq!(world.end(young).await, expired("QUEUE_TIMEOUT"));
    for second in [20, 40, 59] {
        round(&deadlines, restart.plus_millis(second * 1000)).await;
        assert_eq!(world.job(old).await.state, State::Running);
    }
    round(&deadlines, restart.plus_millis(MINUTE)).await;
    assert_eq!(world.end(old).await, expired("EXECUTION_TIMEOUT"));
}

/// Neither what runs, whose consumer cannot say so, nor what waits, which cannot be sent. Compressed: every round is told its time.
async fn an_hour_without_sqs_expires_nothing(world: World) {
    let (sqs, start) = (Sqs::start().await, ago(120));
    let at = |seconds: i64| start.plus_millis(seconds * 1000);
    let deadlines = world.deadlines(&sqs, start).await;
    for second in (0..=60).step_by(20) {
        round(&deadlines, at(second)).await;
    }
    let (running, waiting, silent) = (
        world.running(at(60)).await,
        world.submit(at(60)).await,
        world.running(at(60)).await,
    );
    sqs.is_down(true);
    for second in (62..=3660).step_by(15) {
        let result = deadlines.round(at(second)).await;
        // It is asked once there is something to end.
        assert_eq!(result.is_err(), second >= 360, "after {second} s");
    }
    sqs.is_down(false);
    for second in (3661..=3700).step_by(2) {
        round(&deadlines, at(second)).await;
    }
    // What was under way arrives.
    world.apply(running, "p", Event::Progress(None), at(3700)).await;
    world.apply(waiting, "s", Event::Started, at(3700)).await;
    for second in (3702..=3730).step_by(2) {
        round(&deadlines, at(second)).await;
    }
    for job in [running, waiting] {
        assert_eq!(world.job(job).await.state, State::Running);
    }
    assert_eq!(world.end(silent).await, expired("EXECUTION_TIMEOUT"));
}

async fn a_purged_job_leaves_nothing_behind_and_its_key_and_values_are_free(world: World) {
    let now = Timestamp::now();
    let job = world.submit_with(now, Some("key")).await.unwrap();
    world.apply(job, "done", succeeded(), now).await;
    let purge = now.plus_millis(TIMEOUTS.retention_millis);
    let mut changes = world.store.signals().changes();
    assert_eq!(
        world
            .store
            .system()
            .purge(BATCH, purge.plus_millis(-1))
            .await
            .unwrap(),
        0
    );
    assert!(changes.try_recv().is_err());
    assert_eq!(world.store.system().purge(BATCH, purge).await.unwrap(), 1);
    assert!(changes.try_recv().is_ok(), "whoever watches it is told");
    for table in [
        "jobs",
        "job_bodies",
        "job_labels",
        "job_events",
        "outcome_events",
        "unique_keys",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert!(world.submit_with(now, Some("key")).await.is_some());
}

async fn whatever_is_old_is_deleted_in_batches_and_the_rest_stays(world: World) {
    let long_ago = ago(1000);
    for _ in 0..250 {
        let job = world.submit(long_ago).await;
        world.apply(job, "done", succeeded(), long_ago).await;
    }
    // One that has not ended is never purged, however old; one that just ended stays.
    let (open, ended) = (world.submit(long_ago).await, world.submit(long_ago).await);
    world.apply(ended, "done", succeeded(), Timestamp::now()).await;
    let retention = Retention {
        store: world.store.clone(),
        meters: Default::default(),
    };
    let mut rounds = 1;
    while retention.round(BATCH, Timestamp::now()).await.unwrap() {
        rounds += 1;
    }
    assert_eq!((rounds, world.count("jobs").await), (3, 2));
    assert!(world.find(open).await.is_some() && world.find(ended).await.is_some());
}

async fn an_outcome_of_a_purged_job_finds_none(world: World) {
    let job = world.submit(ago(1000)).await;
    world.apply(job, "done", succeeded(), ago(1000)).await;
    assert_eq!(
        world.store.system().purge(BATCH, Timestamp::now()).await.unwrap(),
        1
    );
    let now = Timestamp::now();
    assert_eq!(
        world.apply(job, "again", succeeded(), now).await,
        Verdict::JobUnknown
    );
    let execution = Execution {
        dispatch: 1,
        attempt: None,
    };
    assert!(
        world
            .store
            .work()
            .begin(job, execution, now)
            .await
            .unwrap()
            .is_none()
    );
}

async fn the_quarantine_is_kept_for_thirty_days(world: World) {
    let message = |reason| Unusable {
        letter: Letter {
            message_id: "m".to_owned(),
            body: "poison".to_owned(),
        },
        origin: Origin::Outcomes,
        reason,
        job: None,
    };
    let day = 24 * 60;
    for days in [31, 29, 0] {
        let messages = [message(format!("{days} days old"))];
        let system = world.store.system();
        system.quarantine(&messages, ago(days * day)).await.unwrap();
    }
    let retention = Retention {
        store: world.store.clone(),
        meters: Default::default(),
    };
    assert!(!retention.round(BATCH, Timestamp::now()).await.unwrap());
    assert_eq!(world.count("quarantine").await, 2);
    let month = Duration::from_hours(24 * 30);
    let later = Timestamp::now().plus_millis(i64::try_from(month.as_millis()).unwrap());
    retention.round(BATCH, later).await.unwrap();
    assert_eq!(world.count("quarantine").await, 0);
}

async fn what_operators_did_is_known_for_four_hundred_days(world: World) {
    let day = 24 * 60;
    let jane = Operator::new("jane");
    for days in [401, 399, 0] {
        let subject = PauseSubject::JobType(format!("{days} days ago"));
        let operator = world.store.operator();
        let paused = operator.pause(&jane, &subject, "r", ago(days * day)).await;
        paused.unwrap().unwrap();
    }
    let retention = Retention {
        store: world.store.clone(),
        meters: Default::default(),
    };
    assert!(!retention.round(BATCH, Timestamp::now()).await.unwrap());
    assert_eq!(world.count("operator_actions").await, 2);
    assert_eq!(world.count("pauses").await, 3);
}

async fn a_partner_deletes_its_own_jobs_once_they_have_ended(world: World) {
    let now = Timestamp::now();
    let job = world.submit_with(now, Some("key")).await.unwrap();
    let delete = async |partner: &str| {
        let partner = PartnerId::new(partner);
        world.store.partner().delete(&partner, job, now).await.unwrap()
    };
    assert_eq!(delete("globex").await, None);
    assert_eq!(delete("acme").await, Some(Deletion::NotTerminal(State::Queued)));
    world.apply(job, "s", Event::Started, now).await;
    assert_eq!(delete("acme").await, Some(Deletion::NotTerminal(State::Running)));
    world.apply(job, "done", succeeded(), now).await;
    let mut changes = world.store.signals().changes();
    assert_eq!(delete("globex").await, None);
    assert!(changes.try_recv().is_err());
    assert_eq!(delete("acme").await, Some(Deletion::Done));
    assert!(changes.try_recv().is_ok(), "whoever watches it is told");
    assert_eq!(delete("acme").await, None);
    assert_eq!(world.count("job_events").await, 0);
    assert!(world.submit_with(now, Some("key")).await.is_some());
}

async fn a_deletion_and_a_late_outcome_at_once_both_go_through(world: World) {
    let (now, acme) = (Timestamp::now(), PartnerId::new("acme"));
    for number in 0..50 {
        let job = world.submit(now).await;
        world.apply(job, "done", succeeded(), now).await;
        let partner = world.store.partner();
        let delete = partner.delete(&acme, job, now);
        let late = world.apply(job, "late", succeeded(), now);
        let deleted = if number % 2 == 0 {
            tokio::join!(delete, late).0
        } else {
            tokio::join!(late, delete).1
        };
        assert_eq!(deleted.unwrap(), Some(Deletion::Done));
        assert_eq!(world.find(job).await, None);
    }
    assert_eq!(world.count("job_events").await, 0);
}
