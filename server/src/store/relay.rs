//! Tells the other replicas which jobs changed here, and hears it from them: NOTIFY and LISTEN, on one connection of its own.
//!
//! Notified after the commits, in batches: a NOTIFY in the writing transaction would take a lock of the whole instance at its commit. What
//! is told while the connection is away is not heard, so all watchers are woken after every reconnect; and should nothing be heard at all,
//! whoever watches reads again now and then anyway. That a task is due is not told: the dispatcher of whoever submitted it knows, and
//! should that one be gone, the others look soon by themselves.

mod batch;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::broadcast;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use super::signals::{Change, Signals};
use crate::backoff::Backoff;
use crate::job::{JobId, PartnerId};

const CHANNEL: &str = "postern_changes";
/// How `pg_stat_activity` shows the connection.
const APPLICATION_NAME: &str = "postern relay";
/// Longest wait for the database to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A line on which nothing was heard for so long, not even what was told here, is not good, although nobody said so.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What changes at the very end of a server's life is told for so long.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// The loop between the signals of this server and those of the others.
#[derive(Debug)]
pub struct Relay {
    options: PgConnectOptions,
    signals: Signals,
    ours: broadcast::Receiver<(PartnerId, JobId)>,
    /// What is still to be told.
    batch: Batch,
}

/// Why a line is given up.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the database did not answer in time")]
    Late(#[from] Elapsed),
    #[error("the connection was lost")]
    Lost,
    #[error("nothing was heard, not even from here: LISTEN needs a connection that no pooler shares out")]
    Silent,
}

impl Relay {
    pub(super) fn new(options: PgConnectOptions, signals: &Signals) -> Self {
        Self {
            options: options.application_name(APPLICATION_NAME),
            signals: signals.clone(),
            ours: signals.ours(),
            batch: Batch::default(),
        }
    }

    /// Tells and hears until it is told to stop; what changed before is told first.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut backoff = Backoff::default();
        while !shutdown.is_cancelled() {
            let Err(failure) = self.talk(&mut backoff, &shutdown).await else {
                return;
            };
            tracing::warn!(
                error = &failure as &dyn std::error::Error,
                "changes at other servers are not heard, watchers see them late"
            );
            tokio::select! {
                () = sleep(backoff.next()) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Until the line fails, or the shutdown.
    async fn talk(&mut self, backoff: &mut Backoff, shutdown: &CancellationToken) -> Result<(), Failure> {
        let mut line = tokio::select! {
            line = timeout(ANSWER_MAX, Line::open(&self.options)) => line??,
            () = shutdown.cancelled() => return Ok(()),
        };
        backoff.reset();
        self.signals.heard(Change::Any);
        loop {
            let told = line.told;
            tokio::select! {
                changes = line.hear(SILENCE_MAX) => for change in changes? {
                    self.signals.heard(change);
                },
                () = self.batch.fill(&mut self.ours, told) => self.tell(&mut line, ANSWER_MAX).await?,
                () = shutdown.cancelled() => {
                    self.batch.take(&mut self.ours);
                    return self.tell(&mut line, FAREWELL_MAX).await;
                }
            }
        }
    }

    async fn tell(&mut self, line: &mut Line, longest: Duration) -> Result<(), Failure> {
        timeout(longest, line.tell(self.batch.payloads())).await??;
        // Not before: whether a notification went out whose answer is missing is not known, and hearing it twice harms nobody.
        self.batch = Batch::default();
        Ok(())
    }
}

/// A connection on which everybody is heard, ourselves included.
struct Line {
    listener: PgListener,
    /// The process of the database that serves it: notifications say from which they come.
    ourselves: u32,
    heard: Instant,
    told: Instant,
}

impl Line {
    async fn open(options: &PgConnectOptions) -> Result<Self, Failure> {
        // The listener takes its one connection from a pool, for good.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(options.clone())
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        let ourselves: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut listener)
            .await?;
        Ok(Self {
            listener,
            ourselves: ourselves.unsigned_abs(),
            heard: Instant::now(),
            told: Instant::now(),
        })
    }

    /// What others told next.
    async fn hear(&mut self, silence_max: Duration) -> Result<Vec<Change>, Failure> {
        let Ok(heard) = timeout_at(self.heard + silence_max, self.listener.try_recv()).await else {
            return Err(Failure::Silent);
        };
        let notification = heard?.ok_or(Failure::Lost)?;
        self.heard = Instant::now();
        if notification.process_id() == self.ourselves {
            return Ok(Vec::new());
        }
        Ok(batch::read(notification.payload()))
    }

    async fn tell(&mut self, payloads: Vec<String>) -> Result<(), Failure> {
        sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2) AS payload")
            .bind(CHANNEL)
            .bind(payloads)
            .execute(&mut self.listener)
            .await?;
        self.told = Instant::now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(300);

    async fn line() -> Line {
        let url = postern_pgtest::database().unwrap();
        Line::open(&url.parse().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_sign_of_life_is_heard_and_means_nothing() {
        let mut line = line().await;
        line.tell(Batch::default().payloads()).await.unwrap();
        assert_eq!(line.hear(SILENCE).await.unwrap(), []);
    }

    /// As through a pooler, which has LISTEN and what is heard on different connections.
    #[tokio::test]
    async fn a_line_on_which_nothing_is_heard_is_given_up() {
        let mut line = line().await;
        sqlx::query("UNLISTEN postern_changes")
            .execute(&mut line.listener)
            .await
            .unwrap();
        line.tell(Batch::default().payloads()).await.unwrap();
        let failure = line.hear(SILENCE).await.unwrap_err();
        assert!(matches!(failure, Failure::Silent), "{failure:?}");
    }
}
