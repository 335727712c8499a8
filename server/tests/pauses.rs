//! What is paused is not handed out, against SQLite and PostgreSQL; all else goes on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use postern_server::job::{Cancellation, Job, JobId, Operator, PartnerId, State, Timeouts, Timestamp};
use postern_server::store::operator::{Pause, PauseSubject};
use postern_server::store::system::{Overdue, Sending};
use postern_server::store::{Config, Store, Submission, Trace};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement, TransactionTrait as _};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(5);
const LEASE: i64 = 90_000;
const QUEUE_MILLIS: i64 = 1_000_000;

/// Runs each of these on a new database of each kind: there is one contract.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            use super::World;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(World::on_sqlite().await).await; })*
        }
        mod postgres {
            use super::World;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(World::on_postgres().await).await; })*
        }
    };
}

on_both! {
    what_is_paused_is_neither_claimed_nor_due,
    what_was_claimed_before_a_pause_goes_on_and_is_claimed_no_more_when_it_failed,
    what_is_resumed_is_due_again_and_dispatch_is_told,
    nothing_is_claimed_once_a_pause_is_known,
    pausing_and_resuming_again_change_nothing,
    a_paused_job_is_cancelled_at_once_and_expires_in_its_time,
    there_is_an_end_to_pauses,
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

    async fn submit(&self, partner: &str, job_type: &str) -> JobId {
        let timeouts = Timeouts {
            queue_millis: QUEUE_MILLIS,
            execution_millis: 1_000,
            retention_millis: 1_000,
        };
        let now = Timestamp::now();
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let mut job = Job::new(id, PartnerId::new(partner), timeouts, now);
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

    async fn pause(&self, subject: &PauseSubject) -> Pause {
        let operator = self.store.operator();
        let paused = operator
            .pause(&jane(), subject, "they asked for it", Timestamp::now())
            .await;
        paused.unwrap().unwrap()
    }

    async fn resume(&self, subject: &PauseSubject) {
        let operator = self.store.operator();
        operator
            .resume(&jane(), subject, "all is well", Timestamp::now())
            .await
            .unwrap();
    }

    async fn actions(&self) -> Vec<(String, String)> {
        let actions = self.store.operator().actions(None, 100).await.unwrap();
        let actions = actions.into_iter().rev();
        actions.map(|action| (action.kind, action.subject)).collect()
    }
}

async fn claim(store: &Store) -> Vec<JobId> {
    let claimed = store.system().claim(10, LEASE, Timestamp::now()).await.unwrap();
    claimed.into_iter().map(|task| task.job.id).collect()
}

fn jane() -> Operator {
    Operator::new("jane")
}

fn job_type(name: &str) -> PauseSubject {
    PauseSubject::JobType(name.to_owned())
}

fn partner(name: &str) -> PauseSubject {
    PauseSubject::Partner(PartnerId::new(name))
}

async fn what_is_paused_is_neither_claimed_nor_due(world: World) {
    world.pause(&job_type("a")).await;
    world.pause(&job_type("b")).await;
    world.pause(&partner("globex")).await;
    world.submit("acme", "a").await;
    world.submit("acme", "b").await;
    world.submit("globex", "c").await;
    assert_eq!(claim(&world.store).await, []);
    let system = world.store.system();
    assert_eq!(system.next_due().await.unwrap(), None);
    let other = world.submit("acme", "c").await;
    assert!(system.next_due().await.unwrap().is_some());
    assert_eq!(claim(&world.store).await, [other]);
}

async fn what_was_claimed_before_a_pause_goes_on_and_is_claimed_no_more_when_it_failed(world: World) {
    let (sent, failed) = (world.submit("acme", "a").await, world.submit("acme", "a").await);
    assert_eq!(claim(&world.store).await.len(), 2);
    world.pause(&job_type("a")).await;
    let sending = |job| Sending { job, dispatch: 1 };
    let (system, now) = (world.store.system(), Timestamp::now());
    system
        .mark_sent(&[(sending(sent), "m".to_owned())], now)
        .await
        .unwrap();
    let history = world.store.operator().history(sent, 0, 10).await.unwrap();
    assert_eq!(history.last().unwrap().kind, "sent");
    system.release(&[sending(failed)], now).await.unwrap();
    assert_eq!(claim(&world.store).await, []);
    world.resume(&job_type("a")).await;
    assert_eq!(claim(&world.store).await, [failed]);
}

async fn what_is_resumed_is_due_again_and_dispatch_is_told(world: World) {
    let subjects = [job_type("a"), partner("acme")];
    for subject in &subjects {
        world.pause(subject).await;
    }
    let job = world.submit("acme", "a").await;
    // Of the submission.
    world.store.signals().due().await;
    for subject in &subjects {
        assert_eq!(claim(&world.store).await, []);
        world.resume(subject).await;
        world.store.signals().due().await;
    }
    assert_eq!(claim(&world.store).await, [job]);
    assert_eq!(world.store.operator().pauses().await.unwrap(), []);
}

/// Whoever was told of a pause need not wait for what dispatch is about to do.
async fn nothing_is_claimed_once_a_pause_is_known(world: World) {
    const TASKS: usize = 3;
    let mut raced = 0;
    for _ in 0..100 {
        for _ in 0..TASKS {
            world.submit("acme", "a").await;
        }
        let paused = CancellationToken::new();
        let claimants = [
            claim_until_none_is_left(&world.store, &paused),
            claim_until_none_is_left(&world.store, &paused),
        ];
        world.pause(&job_type("a")).await;
        let unclaimed = unclaimed(&world.store).await;
        paused.cancel();
        for claimant in claimants {
            claimant.await.unwrap();
        }
        assert_eq!(self::unclaimed(&world.store).await, unclaimed);
        raced += usize::from((1..TASKS).contains(&unclaimed));
        world.resume(&job_type("a")).await;
        while !claim(&world.store).await.is_empty() {}
    }
    assert!(raced > 0, "no pause ever met a claim");
}

/// Claims one at a time until the pause is known, and once more.
fn claim_until_none_is_left(store: &Store, paused: &CancellationToken) -> JoinHandle<()> {
    let (store, paused) = (store.clone(), paused.clone());
    tokio::spawn(async move {
        loop {
            let last = paused.is_cancelled();
            store.system().claim(1, LEASE, Timestamp::now()).await.unwrap();
            if last {
                return;
            }
        }
    })
}

/// How many tasks are due at once.
async fn unclaimed(store: &Store) -> usize {
    let filter = postern_server::store::operator::Filter::default();
    let jobs = store
        .operator()
        .list(&filter, None, 1000, Timestamp::now())
        .await
        .unwrap();
    let now = Timestamp::now();
    let due = jobs
        .iter()
        .filter(|job| job.dispatch_due.is_some_and(|due| due <= now));
    due.count()
}

async fn pausing_and_resuming_again_change_nothing(world: World) {
    let subject = job_type("a");
    let first = world.pause(&subject).await;
    let operator = world.store.operator();
    let other = Operator::new("john");
    let again = operator.pause(&other, &subject, "me too", Timestamp::now()).await;
    assert_eq!(again.unwrap(), Some(first.clone()));
    assert_eq!(operator.pauses().await.unwrap(), std::slice::from_ref(&first));
    assert_eq!((first.subject, first.operator), (subject.clone(), jane()));
    for _ in 0..2 {
        world.resume(&subject).await;
        world.resume(&partner("a")).await;
    }
    let of = |kind: &str| (kind.to_owned(), "job_type/a".to_owned());
    assert_eq!(world.actions().await, [of("pause"), of("resume")]);
}

async fn a_paused_job_is_cancelled_at_once_and_expires_in_its_time(world: World) {
    world.pause(&partner("acme")).await;
    let (cancelled, expired) = (world.submit("acme", "a").await, world.submit("acme", "a").await);
    let acme = PartnerId::new("acme");
    let partner = world.store.partner();
    let cancel = partner.cancel(&acme, cancelled, "", Timestamp::now()).await;
    let (job, cancellation) = cancel.unwrap().unwrap();
    assert_eq!(
        (job.state, cancellation),
        (State::Cancelled, Cancellation::AtOnce)
    );
    let later = Timestamp::now().plus_millis(QUEUE_MILLIS);
    let overdue = Overdue {
        deadline: later,
        created: None,
    };
    assert_eq!(world.store.system().expire(overdue, 10, later).await.unwrap(), 1);
    assert_eq!(
        partner.get(&acme, expired).await.unwrap().unwrap().state,
        State::Expired
    );
}

async fn there_is_an_end_to_pauses(world: World) {
    for number in 0..1000 {
        world.pause(&partner(&number.to_string())).await;
    }
    let operator = world.store.operator();
    let more = operator
        .pause(&jane(), &job_type("a"), "r", Timestamp::now())
        .await;
    assert_eq!(more.unwrap(), None);
    let job = world.submit("acme", "a").await;
    world.submit("7", "a").await;
    assert_eq!(claim(&world.store).await, [job]);
    world.resume(&partner("7")).await;
    world.pause(&job_type("a")).await;
    assert_eq!(claim(&world.store).await, []);
}

/// It has read that nothing is paused; were it not waited for, it would be committed after the pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_waits_for_a_claim_that_has_not_seen_it() {
    let world = World::on_postgres().await;
    let job = world.submit("acme", "a").await;
    let other = sea_orm::Database::connect(&world.url).await.unwrap();
    let tx = other.begin().await.unwrap();
    tx.execute_unprepared("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let claimant = world.store.clone();
    let claiming = tokio::spawn(async move { claim(&claimant).await });
    until_waiting(&other, 1).await;
    let operator = world.store.clone();
    let pausing = tokio::spawn(async move {
        let pause = operator
            .operator()
            .pause(&jane(), &job_type("a"), "r", Timestamp::now())
            .await;
        pause.unwrap().unwrap()
    });
    until_waiting(&other, 2).await;
    tx.commit().await.unwrap();
    assert_eq!(claiming.await.unwrap(), [job]);
    pausing.await.unwrap();
}

/// Waits until so many connections wait for a lock.
async fn until_waiting(database: &DatabaseConnection, count: i64) {
    let sql = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
        WHERE NOT granted AND d.datname = current_database()";
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = database.query_one_raw(statement).await.unwrap().unwrap();
        if row.try_get_by_index::<i64>(0).unwrap() == count {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "nobody waits");
        tokio::task::yield_now().await;
    }
}
