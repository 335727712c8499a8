//! Ends jobs whose deadline has passed: EXPIRED, which says that what became of them is unknown.
//!
//! So it must be unknown, as far as anybody can tell. A job expires once it is certain that its consumer could have been heard, and that no
//! outcome of it waits in the queue: an outage, of this server too, expires nothing by itself.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::job::Timestamp;
use crate::listening::{Heard, Listening};
use crate::meters::Swept;
use crate::queue::{self, Results};
use crate::store::system::Overdue;
use crate::store::{self, Store};

/// Jobs ended in one transaction.
const BATCH_MAX: u64 = 100;
/// Looks at least this often: a new job's deadline may be earlier than any that was known.
const IDLE_MAX: Duration = Duration::from_secs(2);
/// A reply with messages is under way for no longer than that, or it is lost.
const REPLY_MAX: Duration = Duration::from_secs(30);
/// SQS keeps the order of messages only roughly, and its clock is not ours.
const DISORDER_MAX: Duration = Duration::from_secs(30);

/// The loop that enforces deadlines.
#[derive(Debug)]
pub struct Deadlines {
    /// Where jobs are.
    pub store: Store,
    /// Where outcomes may wait.
    pub results: Results,
    /// Whether consumers could be heard.
    pub listening: Listening,
    /// What is counted of it.
    pub meters: Swept,
}

/// What kept deadlines from being enforced; the next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The queue of outcomes does not say what waits.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Deadlines {
    /// Enforces deadlines until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut backoff = Backoff::default();
        while !shutdown.is_cancelled() {
            let wait = match self.round(Timestamp::now()).await {
                Ok(wait) => {
                    backoff.reset();
                    wait
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "deadlines are not enforced for now"
                    );
                    backoff.next()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Ends a batch of the jobs that are overdue, and tells when to look again.
    ///
    /// # Errors
    /// [`Error`] says what failed.
    pub async fn round(&self, now: Timestamp) -> Result<Duration, Error> {
        let heard = self.listening.look(now);
        let wait = self.enforce(heard, now).await?;
        self.listening.looked(now);
        Ok(wait)
    }

    async fn enforce(&self, heard: Heard, now: Timestamp) -> Result<Duration, Error> {
        let Some(next) = self.store.system().next_deadline().await? else {
            return Ok(IDLE_MAX);
        };
        if next > now {
            return Ok(next.since(now).min(IDLE_MAX));
        }
        let Some(deadline) = self.settled(now).await? else {
            return Ok(IDLE_MAX);
        };
        let overdue = Overdue {
            deadline,
            created: heard.newcomers,
        };
        let expired = self.store.system().expire(overdue, BATCH_MAX, now).await?;
        self.meters.expired(expired);
        if expired > 0 {
            tracing::info!(count = expired, "jobs have expired");
        }
        Ok(if expired == BATCH_MAX {
            Duration::ZERO
        } else {
            IDLE_MAX
        })
    }

    /// The time before which whatever consumers sent has been dealt with: now, when nothing waits; else as far as is certain, although others
    /// may hide what they received.
    async fn settled(&self, now: Timestamp) -> Result<Option<Timestamp>, queue::Error> {
        let waiting = self.results.waiting().await?;
        if waiting.messages == 0 {
            return Ok(Some(now));
        }
        let hidden_max = waiting.visibility_timeout + REPLY_MAX;
        let collected = self.listening.collected_within(hidden_max, now);
        Ok(collected.map(|time| time.minus(DISORDER_MAX).min(now)))
    }
}
