//! How things stand, read from real databases and a real SQS endpoint.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use postern_localsqs::Endpoint;
use postern_server::catalog::{Catalog, Source};
use postern_server::hub::Hub;
use postern_server::job::{
    DeadLetterPolicy, Event, Job, JobId, Operator, Outcome, PartnerId, RetryPolicy, Timeouts, Timestamp,
};
use postern_server::queue::{self, Depth, Role};
use postern_server::store::operator::PauseSubject;
use postern_server::store::system::{DeadTask, Letter, Report, Sending};
use postern_server::store::{Config, Standing, Store, Submission, Trace, TypeStanding};
use postern_server::vitals::Vitals;
use sea_orm::ConnectionTrait as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const SECOND: i64 = 1_000;
const LEASE: i64 = 30 * SECOND;
const POLICY: RetryPolicy = RetryPolicy {
    dispatches: 3,
    backoff_millis: 100 * SECOND,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * SECOND)
}

struct World {
    store: Store,
    url: String,
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
        Self {
            store,
            url,
            _folder: folder,
        }
    }

    async fn submit(&self, job_type: &str, now: Timestamp) -> JobId {
        let timeouts = Timeouts {
            queue_millis: 1_000 * SECOND,
            execution_millis: 1_000 * SECOND,
            retention_millis: 1_000 * SECOND,
        };
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let mut job = Job::new(id, PartnerId::new("acme"), timeouts, now);
        job.job_type = job_type.to_owned();
        let submission = Submission {
            job,
            payload: "{}".to_owned(),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        };
        self.store.partner().submit(&submission).await.unwrap();
        id
    }

    /// Claims all that is due; what of it was claimed.
    async fn claim(&self, now: Timestamp) -> Vec<Sending> {
        let claimed = self.store.system().claim(50, LEASE, now).await.unwrap();
        let sending = |job: &Job| Sending {
            job: job.id,
            dispatch: job.dispatch,
        };
        claimed.iter().map(|task| sending(&task.job)).collect()
    }

    async fn send_all(&self, now: Timestamp) {
        let sent = self.claim(now).await.into_iter();
        let sent: Vec<_> = sent.map(|sending| (sending, "m".to_owned())).collect();
        self.store.system().mark_sent(&sent, now).await.unwrap();
    }

    async fn apply(&self, job: JobId, event: Event, now: Timestamp) {
        let outcome = Outcome {
            dispatch: 1,
            event_id: format!("{event:?}"),
            attempt: None,
            seq: None,
            event,
        };
        let letter = Letter {
            message_id: "m".to_owned(),
            body: "{}".to_owned(),
        };
        let report = Report { job, outcome, letter };
        let applied = self.store.system().apply(&[report], &|_| POLICY, now).await;
        applied.unwrap();
    }

    async fn standing(&self, now: Timestamp) -> Standing {
        self.store.system().standing(now).await.unwrap()
    }

    /// Of the one job type that has jobs.
    async fn only(&self, now: Timestamp) -> TypeStanding {
        let [only] = self.standing(now).await.types.try_into().unwrap();
        only
    }
}

fn succeeded() -> Event {
    Event::Succeeded {
        result: None,
        outputs: None,
    }
}

/// Runs each of these on a new database of each kind.
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
    jobs_are_counted_by_type_and_condition_until_they_end,
    a_task_that_cannot_be_sent_is_late_since_its_job_came,
    what_waits_for_its_time_is_not_late_before,
    what_is_paused_is_not_late,
    what_comes_too_late_is_an_anomaly,
}

async fn jobs_are_counted_by_type_and_condition_until_they_end(world: World) {
    let (running, held) = (world.submit("a", at(0)).await, world.submit("a", at(1)).await);
    let ended = world.submit("ended", at(2)).await;
    world.submit("a", at(3)).await;
    world.send_all(at(4)).await;
    world.apply(running, Event::Started, at(5)).await;
    world.apply(ended, succeeded(), at(5)).await;
    let dead = DeadTask {
        job: held,
        dispatch: 1,
        message_id: "m".to_owned(),
    };
    let hold = |_: &Job| DeadLetterPolicy::Hold;
    world.store.system().bury(&dead, &hold, at(6)).await.unwrap();
    world.submit("b", at(7)).await;
    let a = TypeStanding {
        job_type: "a".to_owned(),
        not_started: 2,
        oldest_not_started_millis: Some(at(1).millis()),
        running: 1,
        held: 1,
        ..TypeStanding::default()
    };
    let b = TypeStanding {
        job_type: "b".to_owned(),
        unsent: 1,
        oldest_unsent_millis: Some(at(7).millis()),
        ..TypeStanding::default()
    };
    assert_eq!(world.standing(at(8)).await.types, [a, b]);
    let late = world.standing(at(1_004)).await.types;
    assert_eq!(
        late.iter().map(|of_type| of_type.overdue).collect::<Vec<_>>(),
        [1, 0]
    );
}

/// However often it is claimed and given back.
async fn a_task_that_cannot_be_sent_is_late_since_its_job_came(world: World) {
    world.submit("a", at(0)).await;
    assert_eq!(world.only(at(0)).await.oldest_unsent_millis, Some(at(0).millis()));
    for round in 1..4 {
        let claimed = world.claim(at(round * 100)).await;
        assert_eq!(claimed.len(), 1);
        let due = at(round * 100 + 15);
        world.store.system().release(&claimed, due).await.unwrap();
        let standing = world.only(at(round * 100 + 1)).await;
        assert_eq!(
            (standing.unsent, standing.oldest_unsent_millis),
            (1, Some(at(0).millis()))
        );
    }
}

async fn what_waits_for_its_time_is_not_late_before(world: World) {
    let job = world.submit("a", at(0)).await;
    world.send_all(at(1)).await;
    let failure = postern_server::job::Failure {
        code: postern_server::job::Code::Unavailable,
        reason: "BUSY".to_owned(),
        message: "busy".to_owned(),
        violations: Vec::new(),
    };
    let failed = Event::Failed {
        failure,
        retryable: true,
        retry_delay_millis: None,
    };
    world.apply(job, failed, at(2)).await;
    let waits = world.only(at(3)).await;
    assert_eq!((waits.unsent, waits.oldest_unsent_millis), (1, None));
    let late = world.only(at(200)).await;
    assert_eq!(
        (late.unsent, late.oldest_unsent_millis),
        (1, Some(at(102).millis()))
    );
}

async fn what_is_paused_is_not_late(world: World) {
    world.submit("a", at(0)).await;
    let operator = world.store.operator();
    let who = Operator::new("olga");
    for subject in [
        PauseSubject::JobType("a".to_owned()),
        PauseSubject::Partner(PartnerId::new("acme")),
    ] {
        operator.pause(&who, &subject, "mending", at(1)).await.unwrap();
        let paused = world.only(at(2)).await;
        assert_eq!(
            (paused.unsent, paused.oldest_unsent_millis),
            (1, None),
            "{subject:?}"
        );
        operator.resume(&who, &subject, "mended", at(3)).await.unwrap();
        assert_eq!(world.only(at(4)).await.oldest_unsent_millis, Some(at(0).millis()));
    }
}

async fn what_comes_too_late_is_an_anomaly(world: World) {
    let job = world.submit("a", at(0)).await;
    world.send_all(at(1)).await;
    world.apply(job, succeeded(), at(2)).await;
    assert_eq!(world.standing(at(3)).await, Standing::default());
    world.apply(job, Event::Cancelled, at(4)).await;
    assert_eq!(world.standing(at(5)).await.anomalies, 1);
    drop(world.url);
}

/// An SQS endpoint of its own, with the queues that a server needs.
struct Queues {
    config: queue::Config,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl Queues {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = queue::Config {
            endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
            jobs: "jobs".to_owned(),
            results: "results".to_owned(),
        };
        let endpoint = Endpoint::open(postern_localsqs::Config::new(folder.path().join("sqs")));
        let (endpoint, stop) = (endpoint.await.unwrap(), shutdown.clone());
        tasks.spawn(async move { endpoint.serve(listener, stop).await.unwrap() });
        queue::create(&config, []).await.unwrap();
        Self {
            config,
            shutdown,
            tasks,
            _folder: folder,
        }
    }

    async fn stop(&mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

fn catalog() -> Arc<Catalog> {
    let text = "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\n";
    let files = vec![("a.b.yaml".to_owned(), text.as_bytes().to_vec())];
    Arc::new(Catalog::load(&Source::Files(files)).unwrap())
}

#[tokio::test]
async fn queues_tell_what_lies_in_them_and_what_does_not_answer_hides_nothing_else() {
    let (mut queues, world) = (Queues::start().await, World::on_sqlite().await);
    let opened = queue::open(&queues.config, []).await.unwrap();
    let vitals = Vitals::new(world.store.clone(), opened.census, catalog(), Hub::default());
    let reading = vitals.read().await.unwrap();
    let [tasks, outcomes] = reading.queues.as_slice() else {
        panic!("{:?}", reading.queues)
    };
    assert_eq!((&*tasks.name, tasks.role), ("jobs", Role::Tasks));
    assert_eq!((&*outcomes.name, outcomes.role), ("results", Role::Outcomes));
    let expected = Depth {
        visible: 0,
        in_flight: 0,
        delayed: 0,
        dead: Some(queue::Dead {
            queue: "jobs-dlq".to_owned(),
            messages: 0,
            receives_max: 5,
            retention_seconds: 1_209_600,
        }),
        visibility_timeout_seconds: 30,
        message_bytes_max: 1_048_576,
        retention_seconds: 1_209_600,
    };
    assert_eq!(tasks.depth.as_ref().unwrap(), &expected);
    let names: Vec<_> = reading
        .standing
        .types
        .iter()
        .map(|of_type| &*of_type.job_type)
        .collect();
    assert_eq!(names, ["a.b"], "also while it has no jobs");

    queues.stop().await;
    world.submit("a.b", at(0)).await;
    let reading = vitals.read().await.unwrap();
    assert!(reading.queues.iter().all(|queue| queue.depth.is_err()));
    assert_eq!(reading.standing.types[0].unsent, 1);
}

#[tokio::test]
async fn many_who_ask_at_once_cost_no_more_than_two() {
    let (mut queues, world) = (Queues::start().await, World::on_sqlite().await);
    let opened = queue::open(&queues.config, []).await.unwrap();
    let vitals = Vitals::new(world.store.clone(), opened.census, catalog(), Hub::default());
    let before = opened.requests.count("GetQueueAttributes");
    let readings = futures::future::join_all((0..100).map(|_| vitals.read())).await;
    assert!(readings.iter().all(Result::is_ok));
    // Two queues, and the dead letters of each.
    let asked = opened.requests.count("GetQueueAttributes") - before;
    assert!(asked <= 8, "{asked}");
    queues.stop().await;
}

#[tokio::test]
async fn a_database_that_fails_is_told_and_the_last_reading_stays_for_a_while() {
    let (mut queues, world) = (Queues::start().await, World::on_sqlite().await);
    let opened = queue::open(&queues.config, []).await.unwrap();
    let vitals = Vitals::new(world.store.clone(), opened.census, catalog(), Hub::default());
    let mut registry = prometheus_client::registry::Registry::default();
    vitals.register(&mut registry);
    let text = || {
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
        text
    };
    let held = r#"postern_jobs{job_type="a.b",condition="held"} 0"#;
    assert!(!text().contains(held), "nothing was read yet");
    vitals.read().await.unwrap();
    assert!(text().contains(held), "{}", text());
    let other = sea_orm::Database::connect(&world.url).await.unwrap();
    other.execute_unprepared("DROP TABLE quarantine").await.unwrap();
    vitals.read().await.unwrap_err();
    assert!(text().contains(held));
    // Another server may read on: what this one saw long ago must not be taken for how things stand.
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(6)).await;
    tokio::time::resume();
    assert!(!text().contains(held));
    assert!(text().contains("postern_vitals_timestamp_seconds"));
    queues.stop().await;
}
