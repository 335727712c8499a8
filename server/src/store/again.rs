//! Does a verb again that the database has rolled back because it met another: PostgreSQL ends one of two transactions that wait for each
//! other (40P01) or that no order explains (40001), SQLite one whose snapshot is outdated (`SQLITE_BUSY_SNAPSHOT`).
//!
//! Only what is known to have left nothing behind is done again. When the connection breaks before a commit is answered, nobody here
//! knows whether it went through, and the caller is told [`Error::Unavailable`]. What that leaves to whom:
//!
//! - `submit`: the partner asks again. With a request id it finds its job, if there is one; without, there may be two, as with any API.
//! - `retry`: asked again, it finds the successor that the first one made. By an operator, it may be written down twice.
//! - `cancel`, `begin`, `heartbeat`: asked again, they find what the first one left, and decide nothing anew. A cancellation by an operator may be
//!   written down twice.
//! - `conclude`: asked again, it finds a job that has ended.
//! - `bury`: the dead letter comes again, and is known.
//! - `redrive`: asked again, it finds a job that is not held.
//! - `apply`: the outcomes come again, and their events are known.
//! - `delete`: asked again, the job is not found, as it should be.
//! - `expire`, `purge`, `prune_quarantine`, `prune_actions`: the next round finds what is left.
//! - `replay`, `give_up_replay`: the next round finds the message marked, or gone.
//! - `pause`, `resume`, the marking and dropping of messages: asked again, they find it done.
//! - `quarantine`: a message may be kept twice.
//! - `claim`: the tasks stay claimed until the lease ends, and then are sent.
//! - `mark_start`: the server does not start; a mark more is a mark more.
//! - `mark_sent`, `release`: done or not, the lease ends; at worst consumers see a task of the same dispatch twice.
//!
//! The same holds for a verb that takes too long: behind a network that swallows everything no answer would ever come, and no error.

use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr};
use tokio::time::{Instant, sleep, timeout};

use super::{Error, SQLSTATE_CHARS, Store, sqlx_error};
use crate::backoff::Backoff;

/// Whoever has to give way so often meets a database that is busy with something else.
const ATTEMPTS_MAX: u32 = 5;
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// No attempt begins later than this after the first: SQLite has waited for the file's lock for so long by itself, and PostgreSQL for a row.
const BEGIN_MAX: Duration = Duration::from_secs(5);
/// Longer than the database lets a statement take, which then says so itself.
const VERB_MAX: Duration = Duration::from_secs(40);

/// What a verb may fail with.
pub(super) trait Failure {
    /// Of the database, unless it is an answer.
    fn of_database(&self) -> Option<&Error>;
}

impl Failure for Error {
    fn of_database(&self) -> Option<&Error> {
        Some(self)
    }
}

impl Store {
    /// Does a verb: a transaction with everything before and after it, which may be done from the beginning as often as it takes.
    pub(super) async fn again<T, E, F>(&self, verb: impl Fn() -> F) -> Result<T, E>
    where
        E: Failure + From<Error>,
        F: Future<Output = Result<T, E>>,
    {
        let (began, mut backoff) = (Instant::now(), Backoff::between(PAUSE_FIRST, PAUSE_MAX));
        let mut attempts = 0;
        // One place to wait for it: verbs are large, and each place would make room for it.
        loop {
            attempts += 1;
            let result = timeout(VERB_MAX, verb())
                .await
                .unwrap_or_else(|_late| Err(late().into()));
            match result {
                Err(failure)
                    if attempts < ATTEMPTS_MAX && began.elapsed() < BEGIN_MAX && gave_way(&failure) =>
                {
                    self.transactions().gave_way();
                    tracing::debug!("a transaction gave way to another and is done again");
                    sleep(backoff.next()).await;
                }
                result => return result,
            }
        }
    }
}

fn late() -> Error {
    Error::Unavailable(DbErr::Conn(RuntimeErr::Internal("no answer in time".to_owned())))
}

fn gave_way(failure: &impl Failure) -> bool {
    let Some(Error::Unavailable(error)) = failure.of_database() else {
        return false;
    };
    sqlx_error(error)
        .and_then(|error| error.as_database_error()?.code())
        .is_some_and(|code| means_rolled_back(&code))
}

/// PostgreSQL's class 40, but for "completion unknown" (40003), and SQLite's `SQLITE_BUSY` and `SQLITE_LOCKED`, whose low byte says so.
fn means_rolled_back(code: &str) -> bool {
    if code.len() == SQLSTATE_CHARS {
        return code.starts_with("40") && code != "40003";
    }
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

    use super::*;
    use crate::job::{Job, JobId, PartnerId, Timeouts, Timestamp};
    use crate::store::{Config, Submission, SubmitError, Submitted, Trace, UniqueKey};

    #[test]
    fn only_what_left_nothing_behind_is_done_again() {
        for code in ["40001", "40P01", "40000", "5", "261", "517", "6", "262"] {
            assert!(means_rolled_back(code), "{code}");
        }
        for code in [
            "40003", "08006", "57P01", "23505", "53300", "22021", "10", "13", "2067", "",
        ] {
            assert!(!means_rolled_back(code), "{code}");
        }
    }

    /// With a server that notices soon when two wait for each other.
    async fn store() -> Store {
        let url = postern_pgtest::database().unwrap() + "&options[deadlock_timeout]=20ms";
        let store = Store::open(&Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    async fn number(store: &Store, query: &str) -> i64 {
        let statement = Statement::from_string(DbBackend::Postgres, query);
        let row = store.inner.read.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// A submission that takes these values in this order.
    fn submission(round: u8, values: impl Iterator<Item = u8>) -> Submission {
        let timeouts = Timeouts {
            queue_millis: 1000,
            execution_millis: 1000,
            retention_millis: 1000,
        };
        let now = Timestamp::now();
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let key = |value: u8| UniqueKey {
            name: format!("{round} {value}"),
            digest: [value; 32],
        };
        Submission {
            job: Job::new(id, PartnerId::new("acme"), timeouts, now),
            payload: "{}".to_owned(),
            digest: [0; 32],
            unique: values.map(key).collect(),
            trace: Trace::default(),
        }
    }

    #[tokio::test]
    async fn of_two_verbs_that_wait_for_each_other_both_go_through() {
        const VALUES: u8 = 20;
        let store = store().await;
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        for round in 0..u8::MAX {
            let (these, those) = (submission(round, 0..VALUES), submission(round, (0..VALUES).rev()));
            let partner = store.partner();
            let results: [_; 2] = tokio::join!(partner.submit(&these), partner.submit(&those)).into();
            let is_stored = |result: &Result<_, _>| matches!(result, Ok(Submitted::New(_)));
            let is_refused = |result: &Result<_, _>| matches!(result, Err(SubmitError::Unique { .. }));
            assert!(
                results.iter().any(is_stored) && results.iter().any(is_refused),
                "{results:?}"
            );
            if number(&store, deadlocks).await > 0 {
                return;
            }
        }
        panic!("no two ever waited for each other");
    }

    /// Fails as the database does, with this code.
    async fn fail(store: &Store, code: &str) -> Result<(), Error> {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$");
        Ok(store.inner.write.execute_unprepared(&raise).await.map(drop)?)
    }

    #[tokio::test]
    async fn a_verb_is_done_again_a_few_times_and_only_when_it_was_rolled_back() {
        let store = store().await;
        for (code, expected) in [
            ("40001", ATTEMPTS_MAX),
            ("40P01", ATTEMPTS_MAX),
            ("40003", 1),
            ("57014", 1),
            ("23505", 1),
        ] {
            let attempts = AtomicU32::new(0);
            let verb = || {
                attempts.fetch_add(1, Ordering::Relaxed);
                fail(&store, code)
            };
            store.again(verb).await.unwrap_err();
            assert_eq!(attempts.load(Ordering::Relaxed), expected, "{code}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_no_reason_to_do_a_verb_again() {
        let store = store().await;
        let attempts = AtomicU32::new(0);
        let verb = async || {
            attempts.fetch_add(1, Ordering::Relaxed);
            let kill = "SELECT pg_terminate_backend(pg_backend_pid())";
            Ok::<_, Error>(store.inner.write.execute_unprepared(kill).await.map(drop)?)
        };
        let failure = store.again(verb).await.unwrap_err();
        assert!(matches!(failure, Error::Unavailable(_)), "{failure:?}");
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
    }
}
