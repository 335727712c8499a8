//! The quarantine in an operator's hands, against SQLite and PostgreSQL: what is read again is used once or stays, what is dropped is gone, and
//! who did it is known.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use postern_server::catalog::{Catalog, Source};
use postern_server::collect;
use postern_server::job::{DeadLetter, Job, JobId, Operator, PartnerId, State, Timeouts, Timestamp};
use postern_server::replay::Replay;
use postern_server::seal::Seal;
use postern_server::store::operator::{Marked, QuarantineId, Quarantined};
use postern_server::store::system::{Letter, Replayed};
use postern_server::store::{self, HistoryEntry, Store, Submission, Trace};
use postern_server::sweep::{DeadLetterReader, GRACE};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(30);

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
    an_outcome_under_a_key_that_was_missing_is_used_once_the_server_has_it,
    what_is_still_unusable_stays_with_its_new_reason,
    an_outcome_of_a_job_that_is_not_there_is_judged_at_once,
    what_cannot_be_used_of_a_result_stays_however_often_it_is_read,
    an_outcome_that_comes_too_late_is_used_and_changes_nothing,
    a_dead_letter_is_buried,
    of_a_task_whose_job_was_deleted_nothing_is_left_to_read,
    a_message_that_cannot_be_applied_holds_up_no_other,
    what_a_server_of_before_has_put_there_is_read_as_an_outcome,
    of_two_servers_one_uses_a_message,
    a_crash_anywhere_leaves_a_message_to_be_used_once,
    a_wish_that_comes_again_is_one,
    what_is_dropped_is_gone_and_the_history_says_by_whom,
    messages_are_listed_newest_first_without_their_bodies,
}

struct World {
    store: Store,
    url: String,
    catalog: Arc<Catalog>,
    /// What the server signs with now.
    seal: Seal,
    /// What it should verify with, too.
    other_seal: Seal,
    both: Seal,
    shutdown: CancellationToken,
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
        let store = Store::open(&store::Config::new(&url)).await.unwrap();
        store.migrate().await.unwrap();
        let file =
            "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\non_dead_letter: hold\n";
        let files = vec![("a.b.yaml".to_owned(), file.into())];
        let (key, other_key) = (Seal::generate().unwrap(), Seal::generate().unwrap());
        Self {
            store,
            url,
            catalog: Arc::new(Catalog::load(&Source::Files(files)).unwrap()),
            both: Seal::parse(&format!("{key},{other_key}")).unwrap(),
            seal: Seal::parse(&key).unwrap(),
            other_seal: Seal::parse(&other_key).unwrap(),
            shutdown: CancellationToken::new(),
            _folder: folder,
        }
    }

    /// What reads messages with these keys.
    fn replay(&self, seal: &Seal) -> Replay {
        Replay {
            store: self.store.clone(),
            outcomes: self.outcomes(seal),
            dead_letters: self.dead_letters(seal),
        }
    }

    fn outcomes(&self, seal: &Seal) -> collect::Reader {
        collect::Reader {
            catalog: Arc::clone(&self.catalog),
            seal: seal.clone(),
        }
    }

    fn dead_letters(&self, seal: &Seal) -> DeadLetterReader {
        DeadLetterReader {
            catalog: Arc::clone(&self.catalog),
            seal: seal.clone(),
            grace: GRACE,
        }
    }

    fn start(&self, seal: &Seal) -> JoinHandle<()> {
        tokio::spawn(self.replay(seal).run(self.shutdown.clone()))
    }

    async fn stop(&self, running: JoinHandle<()>) {
        self.shutdown.cancel();
        running.await.unwrap();
    }

    async fn submit(&self) -> JobId {
        let timeouts = Timeouts {
            queue_millis: 1_000_000,
            execution_millis: 1_000_000,
            retention_millis: 1_000_000,
        };
        let now = Timestamp::now();
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let mut job = Job::new(id, acme(), timeouts, now);
        job.job_type = "a.b".to_owned();
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

    /// Puts a message into the quarantine as collect does, which knows the first key only.
    async fn quarantine(&self, body: &str) -> QuarantineId {
        let unusable = self.outcomes(&self.seal).read(letter(body)).unwrap_err();
        self.store
            .system()
            .quarantine(&[unusable], Timestamp::now())
            .await
            .unwrap();
        self.newest().await.id
    }

    /// The same for a dead letter.
    async fn quarantine_dead_letter(&self, body: &str) -> QuarantineId {
        let unusable = self.dead_letters(&self.seal).read(letter(body)).unwrap_err();
        self.store
            .system()
            .quarantine(&[unusable], Timestamp::now())
            .await
            .unwrap();
        self.newest().await.id
    }

    fn succeeded(&self, job: JobId) -> String {
        let token = self.other_seal.outcome_token(job, 1);
        json!({"outcomeToken": token, "event": "SUCCEEDED"}).to_string()
    }

    async fn newest(&self) -> Quarantined {
        let found = self.store.operator().quarantined(None, 1).await.unwrap();
        found.into_iter().next().unwrap()
    }

    async fn mark(&self, id: QuarantineId) -> Marked {
        let operator = self.store.operator();
        operator
            .replay(&jane(), id, "the key was missing", Timestamp::now())
            .await
            .unwrap()
            .unwrap()
    }

    /// The message once it has been read; none where it is gone.
    async fn read(&self, id: QuarantineId) -> Option<Quarantined> {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            match self.store.operator().quarantined_whole(id).await.unwrap() {
                None => return None,
                Some((message, _)) if !message.is_replaying => return Some(message),
                Some(_) => assert!(tokio::time::Instant::now() < deadline, "it is not read"),
            }
            tokio::task::yield_now().await;
        }
    }

    async fn job(&self, id: JobId) -> Job {
        self.store.partner().get(&acme(), id).await.unwrap().unwrap()
    }

    async fn history(&self, id: JobId) -> Vec<HistoryEntry> {
        self.store.operator().history(id, 0, 100).await.unwrap()
    }

    /// Kind and subject of each action, oldest first.
    async fn actions(&self) -> Vec<(String, String)> {
        let actions = self.store.operator().actions(None, 100).await.unwrap();
        let actions = actions.into_iter().rev();
        actions.map(|action| (action.kind, action.subject)).collect()
    }

    async fn sql(&self, statement: &str) {
        let other = sea_orm::Database::connect(&self.url).await.unwrap();
        other.execute_unprepared(statement).await.unwrap();
    }
}

fn letter(body: &str) -> Letter {
    Letter {
        message_id: "m".to_owned(),
        body: body.to_owned(),
    }
}

fn acme() -> PartnerId {
    PartnerId::new("acme")
}

fn jane() -> Operator {
    Operator::new("jane")
}

/// Kinds, and who is named with each.
fn told(history: &[HistoryEntry]) -> Vec<(&str, Option<&str>)> {
    let entries = history.iter();
    entries
        .map(|entry| (entry.kind.as_str(), entry.operator.as_ref().map(Operator::as_str)))
        .collect()
}

async fn an_outcome_under_a_key_that_was_missing_is_used_once_the_server_has_it(world: World) {
    let job = world.submit().await;
    let id = world.quarantine(&world.succeeded(job)).await;
    let before = world.newest().await;
    assert_eq!(before.reason, "the outcome token is not authentic");
    assert_eq!((before.job, before.is_replaying), (None, false));
    let running = world.start(&world.both);
    let Marked::Due(marked) = world.mark(id).await else {
        panic!("its body was kept")
    };
    assert!(marked.is_replaying);
    assert_eq!(world.read(id).await, None);
    assert_eq!(world.job(job).await.state, State::Succeeded);
    let history = world.history(job).await;
    assert_eq!(
        told(&history),
        [
            ("submitted", None),
            ("message_replayed", Some("jane")),
            ("succeeded", None)
        ]
    );
    assert!(history[1].message.ends_with(": the key was missing"));
    assert_eq!(
        world.actions().await,
        [("replay".to_owned(), format!("quarantine/{id}"))]
    );
    world.stop(running).await;
}

async fn what_is_still_unusable_stays_with_its_new_reason(world: World) {
    let job = world.submit().await;
    let other_job = JobId::new(1).to_string();
    let token = world.other_seal.outcome_token(job, 1);
    let body = json!({"outcomeToken": token, "event": "SUCCEEDED", "jobId": other_job}).to_string();
    let id = world.quarantine(&body).await;
    let before = world.newest().await;
    let running = world.start(&world.both);
    world.mark(id).await;
    let after = world.read(id).await.unwrap();
    assert_eq!(after.reason, "job or dispatch disagree with the outcome token");
    // Now its token tells.
    assert_eq!((after.job, after.time), (Some(job), before.time));
    let (_, kept) = world
        .store
        .operator()
        .quarantined_whole(id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept, body.as_bytes());
    assert_eq!(world.job(job).await.state, State::Queued);
    let history = world.history(job).await;
    assert_eq!(told(&history)[1..], [("message_replayed", Some("jane"))]);
    world.stop(running).await;
}

async fn an_outcome_of_a_job_that_is_not_there_is_judged_at_once(world: World) {
    let gone = JobId::new(1);
    let id = world.quarantine(&world.succeeded(gone)).await;
    let running = world.start(&world.both);
    world.mark(id).await;
    let after = world.read(id).await.unwrap();
    assert_eq!((after.reason.as_str(), after.job), ("no such job", Some(gone)));
    world.stop(running).await;
}

async fn what_cannot_be_used_of_a_result_stays_however_often_it_is_read(world: World) {
    let job = world.submit().await;
    let token = world.other_seal.outcome_token(job, 1);
    let result = json!({"number": 9_007_199_254_740_993_i64});
    let body = json!({"outcomeToken": token, "event": "SUCCEEDED", "result": result}).to_string();
    let id = world.quarantine(&body).await;
    let running = world.start(&world.both);
    for _ in 0..2 {
        world.mark(id).await;
        let after = world.read(id).await.unwrap();
        assert_ne!(after.reason, "the outcome token is not authentic");
        assert_eq!(after.size_bytes, body.len() as u64);
        let job = world.job(job).await;
        assert_eq!(
            (job.state, job.failure.unwrap().reason.as_str()),
            (State::Failed, "OUTCOME_INVALID")
        );
        let all = world.store.operator().quarantined(None, 10).await.unwrap();
        assert_eq!(all.len(), 1, "it is kept once");
    }
    world.stop(running).await;
}

async fn an_outcome_that_comes_too_late_is_used_and_changes_nothing(world: World) {
    let job = world.submit().await;
    let id = world.quarantine(&world.succeeded(job)).await;
    let partner = world.store.partner();
    partner.cancel(&acme(), job, "", Timestamp::now()).await.unwrap();
    let before = world.job(job).await;
    let running = world.start(&world.both);
    world.mark(id).await;
    assert_eq!(world.read(id).await, None);
    assert_eq!(world.job(job).await, before);
    let history = world.history(job).await;
    assert_eq!(
        told(&history)[2..],
        [("message_replayed", Some("jane")), ("late_outcome", None)]
    );
    world.stop(running).await;
}

async fn a_dead_letter_is_buried(world: World) {
    let job = world.submit().await;
    let token = world.other_seal.outcome_token(job, 1);
    let body = json!({"outcomeToken": token, "payload": {}}).to_string();
    let id = world.quarantine_dead_letter(&body).await;
    let running = world.start(&world.both);
    world.mark(id).await;
    assert_eq!(world.read(id).await, None);
    assert_eq!(world.job(job).await.dead_letter, Some(DeadLetter::Held));
    let history = world.history(job).await;
    assert_eq!(
        told(&history)[1..],
        [("message_replayed", Some("jane")), ("dead_lettered", None)]
    );
    world.stop(running).await;
}

/// Its payload was to go, so the quarantine is no place for it, either.
async fn of_a_task_whose_job_was_deleted_nothing_is_left_to_read(world: World) {
    let gone = JobId::new(1);
    let token = world.other_seal.outcome_token(gone, 1);
    let body = json!({"outcomeToken": token, "payload": {"secret": 1}}).to_string();
    let id = world.quarantine_dead_letter(&body).await;
    let running = world.start(&world.both);
    world.mark(id).await;
    let after = world.read(id).await.unwrap();
    assert!(after.reason.starts_with("no such job: "), "{}", after.reason);
    assert_eq!((after.size_bytes, after.job), (0, Some(gone)));
    assert_eq!(world.mark(id).await, Marked::Empty);
    assert!(!world.newest().await.is_replaying);
    assert_eq!(world.actions().await.len(), 1);
    world.stop(running).await;
}

async fn a_message_that_cannot_be_applied_holds_up_no_other(world: World) {
    let (unreadable, readable) = (world.submit().await, world.submit().await);
    let bad = world.quarantine(&world.succeeded(unreadable)).await;
    let good = world.quarantine(&world.succeeded(readable)).await;
    let newer_server = format!(
        "UPDATE jobs SET state = 99 WHERE id <> {}",
        literal(&world, readable)
    );
    world.sql(&newer_server).await;
    world.mark(bad).await;
    world.mark(good).await;
    let running = world.start(&world.both);
    assert_eq!(world.read(good).await, None);
    let after = world.read(bad).await.unwrap();
    assert_eq!(
        after.reason,
        "could not be applied: a stored state cannot be read"
    );
    assert_eq!(world.job(readable).await.state, State::Succeeded);
    world.stop(running).await;
}

/// A job's id in SQL.
fn literal(world: &World, job: JobId) -> String {
    if world.url.starts_with("sqlite") {
        format!("X'{}'", job.uuid().simple())
    } else {
        format!("'{}'", job.uuid())
    }
}

async fn what_a_server_of_before_has_put_there_is_read_as_an_outcome(world: World) {
    let job = world.submit().await;
    let body = world.succeeded(job);
    let hex: String = body.bytes().map(|byte| format!("{byte:02x}")).collect();
    let (name, bytes) = if world.url.starts_with("sqlite") {
        ("X'0192f0c1000070008000000000000001'", format!("X'{hex}'"))
    } else {
        ("'0192f0c1-0000-7000-8000-000000000001'", format!("'\\x{hex}'"))
    };
    let insert = format!(
        "INSERT INTO quarantine (id, time, reason, message_id, body) VALUES ({name}, 1, 'r', 'm', {bytes})"
    );
    world.sql(&insert).await;
    let id = world.newest().await.id;
    let running = world.start(&world.both);
    world.mark(id).await;
    assert_eq!(world.read(id).await, None);
    assert_eq!(world.job(job).await.state, State::Succeeded);
    world.stop(running).await;
}

async fn of_two_servers_one_uses_a_message(world: World) {
    for _ in 0..100 {
        let job = world.submit().await;
        let id = world.quarantine(&world.succeeded(job)).await;
        world.mark(id).await;
        let read = || {
            let (store, judge) = (world.store.clone(), world.replay(&world.both));
            tokio::spawn(async move { store.system().replay(id, &judge, Timestamp::now()).await.unwrap() })
        };
        let (one, other) = (read(), read());
        let results = [one.await.unwrap(), other.await.unwrap()];
        assert!(
            results.contains(&Some(Replayed::Used)) && results.contains(&None),
            "{results:?}"
        );
        let history = world.history(job).await;
        assert_eq!(
            told(&history)[1..],
            [("message_replayed", Some("jane")), ("succeeded", None)]
        );
    }
}

/// Wherever it comes to its end, the next process finds the message, or its work done.
async fn a_crash_anywhere_leaves_a_message_to_be_used_once(world: World) {
    let (mut undone, mut done) = (0, 0);
    for polls in 0..100 {
        let job = world.submit().await;
        let id = world.quarantine(&world.succeeded(job)).await;
        world.mark(id).await;
        let judge = world.replay(&world.both);
        let system = world.store.system();
        {
            let mut replay = pin!(system.replay(id, &judge, Timestamp::now()));
            let mut left = polls;
            poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                replay.as_mut().poll(context).map(drop)
            })
            .await;
        }
        match system.replay(id, &judge, Timestamp::now()).await.unwrap() {
            Some(replayed) => {
                assert_eq!(replayed, Replayed::Used);
                undone += 1;
            }
            // It may still be let go of by the connection of the one that is gone.
            None => done += 1,
        }
        while world
            .store
            .operator()
            .quarantined_whole(id)
            .await
            .unwrap()
            .is_some()
        {
            system.replay(id, &judge, Timestamp::now()).await.unwrap();
        }
        let history = world.history(job).await;
        assert_eq!(
            told(&history)[1..],
            [("message_replayed", Some("jane")), ("succeeded", None)]
        );
    }
    assert!(undone > 0 && done > 0, "{undone} {done}");
}

async fn a_wish_that_comes_again_is_one(world: World) {
    let id = world.quarantine("poison").await;
    for _ in 0..2 {
        let Marked::Due(message) = world.mark(id).await else {
            panic!("its body was kept")
        };
        assert!(message.is_replaying);
    }
    assert_eq!(world.actions().await.len(), 1);
    let unknown = QuarantineId::from_uuid(JobId::new(1).uuid());
    let operator = world.store.operator();
    let marked = operator.replay(&jane(), unknown, "r", Timestamp::now()).await;
    assert_eq!(marked.unwrap(), None);
}

async fn what_is_dropped_is_gone_and_the_history_says_by_whom(world: World) {
    let job = world.submit().await;
    let token = world.seal.outcome_token(job, 1);
    let body = json!({"outcomeToken": token, "event": "SUCCEEDED", "dispatch": 7}).to_string();
    let id = world.quarantine(&body).await;
    assert_eq!(world.newest().await.job, Some(job));
    let operator = world.store.operator();
    let drop = async |id| {
        operator
            .drop_quarantined(&jane(), id, "sent by hand", Timestamp::now())
            .await
            .unwrap()
    };
    assert!(drop(id).await);
    assert!(!drop(id).await);
    assert_eq!(operator.quarantined(None, 10).await.unwrap(), []);
    let history = world.history(job).await;
    assert_eq!(told(&history)[1..], [("message_dropped", Some("jane"))]);
    let poison = world.quarantine("poison").await;
    assert!(drop(poison).await);
    let actions = operator.actions(None, 10).await.unwrap();
    let about: Vec<_> = actions
        .iter()
        .map(|action| (action.kind.as_str(), action.job))
        .collect();
    assert_eq!(about, [("drop", None), ("drop", Some(job))]);
    let after_first = operator.actions(Some(actions[0].id), 10).await.unwrap();
    assert_eq!(after_first, actions[1..]);
}

async fn messages_are_listed_newest_first_without_their_bodies(world: World) {
    let mut ids = Vec::new();
    for body in ["1", "12", "123"] {
        ids.push(world.quarantine(body).await);
    }
    ids.reverse();
    let operator = world.store.operator();
    let listed = operator.quarantined(None, 2).await.unwrap();
    let sizes: Vec<_> = listed
        .iter()
        .map(|message| (message.id, message.size_bytes))
        .collect();
    assert_eq!(sizes, [(ids[0], 3), (ids[1], 2)]);
    let rest = operator.quarantined(Some(ids[1]), 2).await.unwrap();
    assert_eq!(
        rest.iter().map(|message| message.id).collect::<Vec<_>>(),
        [ids[2]]
    );
    let (message, body) = operator.quarantined_whole(ids[2]).await.unwrap().unwrap();
    assert_eq!((message, body.as_slice()), (rest[0].clone(), &b"1"[..]));
}
