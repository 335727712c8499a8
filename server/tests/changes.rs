//! Changes and cursors against real databases: nothing is missed, whoever commits when, and a database that was restored is told from its past.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use postern_server::job::{Event, Job, JobId, Outcome, PartnerId, RetryPolicy, State, Timeouts, Timestamp};
use postern_server::store::system::{Letter, Report};
use postern_server::store::{Changes, Config, Cursor, Filter, Store, Submission, Trace};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, TransactionTrait as _};

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
    without_a_cursor_nothing_is_told_and_then_all_that_comes,
    each_changed_job_comes_once_in_its_newest_state,
    pages_of_any_size_together_hold_every_change,
    a_partner_hears_of_its_own_jobs_alone,
    a_filter_leaves_others_out_and_its_cursor_moves_on_all_the_same,
    a_cursor_never_goes_back,
    a_reader_misses_nothing_of_many_writers,
    a_cursor_goes_on_after_a_restart,
    a_cursor_that_knows_more_than_the_database_is_expired,
    a_cursor_of_another_database_is_expired,
    a_mark_is_kept_as_long_as_a_cursor_may_name_it,
    a_snapshot_holds_what_is_not_terminal_in_pages,
}

const SOON: Duration = Duration::from_secs(20);
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

struct World {
    store: Store,
    url: String,
    /// Where SQLite's file is.
    folder: Option<tempfile::TempDir>,
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
        let store = open(&url).await;
        store.migrate().await.unwrap();
        store.mark_start(Timestamp::now()).await.unwrap();
        Self { store, url, folder }
    }

    async fn restarted(self) -> Self {
        drop(self.store);
        let store = open(&self.url).await;
        store.mark_start(Timestamp::now()).await.unwrap();
        Self {
            store,
            url: self.url,
            folder: self.folder,
        }
    }

    async fn submit(&self) -> JobId {
        self.submit_as("acme", "a.b").await
    }

    async fn submit_as(&self, partner: &str, job_type: &str) -> JobId {
        let submission = submission(partner, job_type);
        self.store.partner().submit(&submission).await.unwrap();
        submission.job.id
    }

    async fn apply(&self, jobs: &[JobId], event_id: &str, event: &Event) {
        let reports: Vec<_> = jobs
            .iter()
            .map(|job| report(*job, event_id, event.clone()))
            .collect();
        let policy = |_: &Job| RetryPolicy {
            dispatches: 1,
            backoff_millis: 0,
        };
        let system = self.store.system();
        system.apply(&reports, &policy, Timestamp::now()).await.unwrap();
    }

    async fn ask_once(&self, job_type: Option<&str>, after: Option<&Cursor>, count: u64) -> Option<Changes> {
        let acme = PartnerId::new("acme");
        self.store
            .partner()
            .changes(&acme, job_type, after, count)
            .await
            .unwrap()
    }

    /// Once nothing is held back: the tests of this process share one PostgreSQL, where everybody's transactions hold back everybody's changes.
    async fn ask(&self, job_type: Option<&str>, after: Option<&Cursor>, count: u64) -> Option<Changes> {
        let deadline = Instant::now() + SOON;
        loop {
            let changes = self.ask_once(job_type, after, count).await;
            if !changes.as_ref().is_some_and(|changes| changes.is_held_back) {
                return changes;
            }
            assert!(Instant::now() < deadline, "held back for ever");
            tokio::task::yield_now().await;
        }
    }

    async fn now(&self) -> Cursor {
        self.ask(None, None, 10).await.unwrap().next
    }

    async fn changes(&self, after: &Cursor) -> Changes {
        self.ask(None, Some(after), 1000).await.unwrap()
    }

    /// A connection past the store.
    async fn raw(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    }
}

async fn open(url: &str) -> Store {
    Store::open(&Config::new(url)).await.unwrap()
}

fn submission(partner: &str, job_type: &str) -> Submission {
    let timeouts = Timeouts {
        queue_millis: 1_000_000,
        execution_millis: 1_000_000,
        retention_millis: 1_000_000,
    };
    let now = Timestamp::now();
    let id = JobId::new(u64::try_from(now.millis()).unwrap());
    let mut job = Job::new(id, PartnerId::new(partner), timeouts, now);
    job.job_type = job_type.to_owned();
    job.job_type_version = "1".to_owned();
    Submission {
        job,
        payload: "{}".to_owned(),
        digest: [1; 32],
        unique: Vec::new(),
        trace: Trace::default(),
    }
}

fn report(job: JobId, event_id: &str, event: Event) -> Report {
    Report {
        job,
        outcome: Outcome {
            dispatch: 1,
            event_id: event_id.to_owned(),
            attempt: None,
            seq: None,
            event,
        },
        letter: Letter {
            message_id: "m".to_owned(),
            body: "{}".to_owned(),
        },
    }
}

const fn succeeded() -> Event {
    Event::Succeeded {
        result: None,
        outputs: None,
    }
}

fn ids(changes: &Changes) -> Vec<JobId> {
    changes.jobs.iter().map(|(job, _)| job.id).collect()
}

async fn without_a_cursor_nothing_is_told_and_then_all_that_comes(world: World) {
    let beginning = world.now().await;
    let early = world.submit().await;
    let now = world.ask(None, None, 10).await.unwrap();
    assert_eq!(ids(&now), []);
    let late = world.submit().await;
    assert_eq!(ids(&world.changes(&now.next).await), [late]);
    let all = world.changes(&beginning).await;
    assert_eq!(ids(&all), [early, late]);
    assert_eq!(ids(&world.changes(&all.next).await), []);
}

async fn each_changed_job_comes_once_in_its_newest_state(world: World) {
    let (first, second) = (world.submit().await, world.submit().await);
    let now = world.now().await;
    world.apply(&[first], "1", &Event::Started).await;
    world.apply(&[second], "1", &Event::Started).await;
    world.apply(&[first], "2", &succeeded()).await;
    let changes = world.changes(&now).await;
    let states: Vec<_> = changes.jobs.iter().map(|(job, _)| (job.id, job.state)).collect();
    assert_eq!(states, [(second, State::Running), (first, State::Succeeded)]);
    // A late outcome is a part of the history, and no change that a reader could see.
    world.apply(&[first], "3", &succeeded()).await;
    assert_eq!(ids(&world.changes(&changes.next).await), []);
}

async fn pages_of_any_size_together_hold_every_change(world: World) {
    let beginning = world.now().await;
    let mut jobs = Vec::new();
    for _ in 0..17 {
        jobs.push(world.submit().await);
    }
    // Many of one transaction share a place.
    world.apply(&jobs[3..13], "1", &Event::Started).await;
    jobs.sort_unstable();
    for size in 1..20 {
        let (mut seen, mut cursor) = (Vec::new(), beginning);
        loop {
            let page = world.ask(None, Some(&cursor), size).await.unwrap();
            seen.extend(ids(&page));
            let each = page.jobs.last().map(|(_, cursor)| *cursor);
            assert!(each.is_none_or(|each| each == page.next));
            if page.jobs.is_empty() {
                break;
            }
            cursor = page.next;
        }
        seen.sort_unstable();
        assert_eq!(seen, jobs, "pages of {size}");
    }
}

async fn a_partner_hears_of_its_own_jobs_alone(world: World) {
    let beginning = world.now().await;
    world.submit_as("globex", "a.b").await;
    let changes = world.changes(&beginning).await;
    assert_eq!((ids(&changes), changes.next), (Vec::new(), beginning));
}

async fn a_filter_leaves_others_out_and_its_cursor_moves_on_all_the_same(world: World) {
    let beginning = world.now().await;
    let (this, _other) = (
        world.submit_as("acme", "a.b").await,
        world.submit_as("acme", "c.d").await,
    );
    let filtered = world.ask(Some("a.b"), Some(&beginning), 10).await.unwrap();
    assert_eq!(ids(&filtered), [this]);
    assert_eq!(filtered.next, world.now().await);
}

/// Transactions that came to nothing have ids, too, and PostgreSQL may give those out once more when it recovers from a crash.
async fn a_cursor_never_goes_back(world: World) {
    let job = world.submit().await;
    let now = world.now().await;
    let raw = world.raw().await;
    if world.folder.is_none() {
        for _ in 0..3 {
            let tx = raw.begin().await.unwrap();
            tx.execute_unprepared("SELECT pg_current_xact_id()")
                .await
                .unwrap();
            tx.rollback().await.unwrap();
        }
    }
    assert_eq!(
        world.changes(&now).await.next,
        now,
        "nor on to what nothing stands for"
    );
    raw.execute_unprepared("DELETE FROM jobs").await.unwrap();
    assert_eq!(world.changes(&now).await.next, now);
    assert_ne!(world.submit().await, job);
    assert_eq!(world.changes(&now).await.jobs.len(), 1);
}

const WRITERS: usize = 8;
const JOBS_EACH: usize = 12;

/// Batches of many jobs, which take long, beside single ones, which do not.
async fn write(world: &World, number: usize) {
    let mut jobs = Vec::new();
    for round in 0..JOBS_EACH {
        jobs.push(world.submit().await);
        if round % 4 == number % 4 {
            world.apply(&jobs, &round.to_string(), &Event::Started).await;
        }
        if round % 3 == 0 {
            world.apply(&jobs[round..], "end", &succeeded()).await;
        }
    }
}

/// On PostgreSQL of two servers: what commits out of order is what a plain sequence would miss.
async fn a_reader_misses_nothing_of_many_writers(world: World) {
    let store = match world.folder {
        Some(_) => world.store.clone(),
        None => open(&world.url).await,
    };
    let other = World {
        store,
        url: world.url.clone(),
        folder: None,
    };
    let mut cursor = world.now().await;
    let writers = (0..WRITERS).map(|number| write([&world, &other][number % 2], number));
    let mut writing = std::pin::pin!(futures::future::join_all(writers));
    let (mut seen, mut is_written) = (BTreeMap::new(), false);
    loop {
        let page = tokio::select! {
            page = world.ask_once(None, Some(&cursor), 5) => page.unwrap(),
            _ = &mut writing, if !is_written => {
                is_written = true;
                continue;
            }
        };
        for (job, _) in &page.jobs {
            let before = seen.insert(job.id, job.revision);
            assert!(before.is_none_or(|before| before < job.revision), "told twice");
        }
        cursor = page.next;
        if is_written && page.jobs.is_empty() && !page.is_held_back {
            break;
        }
    }
    let acme = PartnerId::new("acme");
    let partner = world.store.partner();
    let all = partner.list(&acme, &Filter::default(), None, 1000).await.unwrap();
    let all: BTreeMap<_, _> = all.into_iter().map(|job| (job.id, job.revision)).collect();
    assert_eq!(all.len(), WRITERS * JOBS_EACH);
    assert_eq!(seen, all);
}

async fn a_cursor_goes_on_after_a_restart(world: World) {
    let now = world.now().await;
    let job = world.submit().await;
    let world = world.restarted().await.restarted().await;
    let late = world.submit().await;
    assert_eq!(ids(&world.changes(&now).await), [job, late]);
}

/// A copy of the files brings back no transaction ids, so restoring one looks like this.
async fn a_cursor_that_knows_more_than_the_database_is_expired(world: World) {
    let known = world.now().await;
    let job = world.submit().await;
    let now = world.now().await;
    let mut bytes = now.to_bytes();
    // Its position stands behind four bytes of generation.
    let position = i64::from_be_bytes(bytes[4..12].try_into().unwrap());
    bytes[4..12].copy_from_slice(&(position + 1_000_000).to_be_bytes());
    let ahead = Cursor::from_bytes(&bytes).unwrap();
    assert!(world.ask(None, Some(&ahead), 10).await.is_none());
    // Later, when positions have caught up, it shows by the mark of the server that started between.
    let world = world.restarted().await;
    assert!(world.ask(None, Some(&now), 10).await.is_some());
    let started_before = format!(
        "UPDATE change_marks SET position = {position} WHERE position = (SELECT max(position) FROM change_marks)"
    );
    world
        .raw()
        .await
        .execute_unprepared(&started_before)
        .await
        .unwrap();
    assert!(world.ask(None, Some(&now), 10).await.is_none());
    assert_eq!(
        ids(&world.changes(&known).await),
        [job],
        "one of its past is good"
    );
}

async fn a_cursor_of_another_database_is_expired(world: World) {
    let now = world.now().await;
    // The mark, the cluster.
    for byte in [28, 36] {
        let mut bytes = now.to_bytes();
        bytes[byte] ^= 1;
        let foreign = Cursor::from_bytes(&bytes).unwrap();
        assert!(world.ask(None, Some(&foreign), 10).await.is_none(), "{byte}");
    }
    assert!(world.ask(None, Some(&now), 10).await.is_some());
}

async fn a_mark_is_kept_as_long_as_a_cursor_may_name_it(world: World) {
    let now = world.now().await;
    let in_days = |days| Timestamp::now().plus_millis(days * DAY_MILLIS);
    world.store.mark_start(in_days(30)).await.unwrap();
    let later = world.now().await;
    world.store.mark_start(in_days(37)).await.unwrap();
    assert!(world.ask(None, Some(&now), 10).await.is_some());
    world.store.mark_start(in_days(39)).await.unwrap();
    assert!(world.ask(None, Some(&now), 10).await.is_none());
    assert!(world.ask(None, Some(&later), 10).await.is_some());
}

async fn a_snapshot_holds_what_is_not_terminal_in_pages(world: World) {
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(world.submit().await);
    }
    world.submit_as("globex", "a.b").await;
    world.submit_as("acme", "c.d").await;
    world.apply(&jobs[..2], "1", &succeeded()).await;
    world.apply(&jobs[2..3], "1", &Event::Started).await;
    let mut expected = jobs.split_off(2);
    expected.sort_unstable();
    expected.reverse();
    let acme = PartnerId::new("acme");
    let (mut seen, mut after) = (Vec::<JobId>::new(), None);
    loop {
        let page = world.store.partner().active(&acme, Some("a.b"), after, 2).await;
        let page: Vec<_> = page.unwrap().iter().map(|job| job.id).collect();
        seen.extend(&page);
        after = page.last().copied();
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

/// The copy was made while the server ran that issued the cursors, and no other has run since.
#[tokio::test]
async fn a_sqlite_file_that_was_restored_expires_what_came_after_its_copy() {
    let world = World::on_sqlite().await;
    let folder = world.folder.as_ref().unwrap().path().to_owned();
    let known = world.now().await;
    let kept = world.submit().await;
    let raw = world.raw().await;
    let copy = format!("VACUUM INTO '{}'", folder.join("copy.sqlite").display());
    raw.execute_unprepared(&copy).await.unwrap();
    raw.close().await.unwrap();
    world.submit().await;
    let lost = world.now().await;
    let url = format!("sqlite:{}", folder.join("copy.sqlite").display());
    let world = World { url, ..world }.restarted().await;
    assert!(world.ask(None, Some(&lost), 10).await.is_none());
    for _ in 0..5 {
        world.submit().await;
    }
    assert!(world.ask(None, Some(&lost), 10).await.is_none(), "nor later");
    assert_eq!(ids(&world.changes(&known).await)[0], kept);
}

/// The writer of the earlier change commits last.
#[tokio::test]
async fn on_postgres_a_reader_does_not_pass_a_transaction_that_is_still_open() {
    let world = World::on_postgres().await;
    let slow = world.submit().await;
    let now = world.now().await;
    let raw = world.raw().await;
    let open = raw.begin().await.unwrap();
    let change =
        "UPDATE jobs SET revision = revision + 1, change_position = pg_current_xact_id()::text::bigint";
    open.execute_unprepared(change).await.unwrap();
    let fast = world.submit().await;
    let held = world.ask_once(None, Some(&now), 10).await.unwrap();
    assert_eq!(
        (ids(&held), held.next, held.is_held_back),
        (Vec::new(), now, true)
    );
    let begun = world.ask_once(None, None, 10).await.unwrap();
    assert!(begun.is_held_back);
    open.commit().await.unwrap();
    for cursor in [now, begun.next] {
        let changes = world.changes(&cursor).await;
        assert_eq!((ids(&changes), changes.is_held_back), (vec![slow, fast], false));
    }
}

#[tokio::test]
async fn on_postgres_a_dump_restored_elsewhere_raises_the_generation_once() {
    let world = World::on_postgres().await;
    let old = world.submit().await;
    let before = world.now().await;
    let raw = world.raw().await;
    // As in a cluster that has not had so many transactions.
    let ahead = "UPDATE jobs SET change_position = change_position + 1000000";
    raw.execute_unprepared(ahead).await.unwrap();
    let other = open(&world.url).await;
    let (one, two) = tokio::join!(
        world.store.mark_start(Timestamp::now()),
        other.mark_start(Timestamp::now())
    );
    one.unwrap();
    two.unwrap();
    assert!(world.ask(None, Some(&before), 10).await.is_none());
    let now = world.now().await;
    assert_eq!(now.to_bytes()[..4], 1_i32.to_be_bytes());
    world.apply(&[old], "1", &Event::Started).await;
    let new = world.submit().await;
    assert_eq!(ids(&world.changes(&now).await), [old, new]);
}

/// As a dump restored into a database of the same cluster.
#[tokio::test]
async fn on_postgres_a_copy_of_a_database_is_another_one() {
    let world = World::on_postgres().await;
    world.submit().await;
    let now = world.now().await;
    let World { store, url, .. } = world;
    drop(store);
    let (address, socket) = url.split_once('?').unwrap();
    let (server, name) = address.rsplit_once('/').unwrap();
    let admin = World::on_postgres().await.raw().await;
    let end =
        format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
    let copy = format!("CREATE DATABASE copy_of_{name} TEMPLATE {name}");
    let deadline = Instant::now() + SOON;
    // Connections that the store began to open come late.
    while admin.execute_unprepared(&copy).await.is_err() {
        assert!(Instant::now() < deadline, "somebody is still there");
        admin.execute_unprepared(&end).await.unwrap();
    }
    let url = format!("{server}/copy_of_{name}?{socket}");
    let store = open(&url).await;
    let copy = World {
        store,
        url,
        folder: None,
    };
    assert!(copy.ask(None, Some(&now), 10).await.is_none());
    assert!(copy.ask(None, Some(&copy.now().await), 10).await.is_some());
}
