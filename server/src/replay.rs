//! Reads messages of the quarantine again that operators have marked: quarantine to store.
//!
//! They are judged as `collect` and `sweep` judge those that arrive, but at once: whoever asks for it knows whether the job should be there.
//! Every replica does this, and the database gives each message to one of them. Knows nothing of queues.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::collect;
use crate::job::{DeadLetterPolicy, Job, RetryPolicy, Timestamp};
use crate::store::system::{Judge, Letter, Origin, QuarantineId, Readable, Replayed, Unusable};
use crate::store::{self, Store};
use crate::sweep;

/// Messages looked up at a time; each is read in a transaction of its own.
const BATCH_MAX: u64 = 100;
/// Looks for marked messages at least this often, whatever signals were lost.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// The loop that reads messages again.
#[derive(Debug)]
pub struct Replay {
    /// Where the quarantine is.
    pub store: Store,
    /// What reads outcomes.
    pub outcomes: collect::Reader,
    /// What reads dead letters.
    pub dead_letters: sweep::DeadLetterReader,
}

impl Replay {
    /// Reads marked messages until it is told to stop; the one that is being read then is finished first.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut backoff = Backoff::default();
        while !shutdown.is_cancelled() {
            let wait = match self.round(&shutdown).await {
                Ok(0) => {
                    backoff.reset();
                    IDLE_MAX
                }
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "marked messages of the quarantine could not be read and are tried again"
                    );
                    backoff.next()
                }
            };
            tokio::select! {
                () = self.store.signals().replays() => {}
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Reads what is marked now, and tells how many messages that were. What another server is at is none of them.
    async fn round(&self, shutdown: &CancellationToken) -> Result<usize, store::Error> {
        let mut count = 0;
        for id in self.store.system().replays(BATCH_MAX).await? {
            if shutdown.is_cancelled() {
                break;
            }
            count += usize::from(self.read_again(id).await?);
        }
        Ok(count)
    }

    /// Reads one, and tells whether it was there to be read. One that the database refuses to have applied holds up no other.
    async fn read_again(&self, id: QuarantineId) -> Result<bool, store::Error> {
        let system = self.store.system();
        match system.replay(id, self, Timestamp::now()).await {
            Ok(None) => return Ok(false),
            Ok(Some(Replayed::Used)) => {
                tracing::info!(quarantine.id = %id, "a message left the quarantine");
            }
            Ok(Some(Replayed::Unusable(reason))) => {
                tracing::warn!(quarantine.id = %id, reason, "a message stays in the quarantine");
            }
            Err(error @ store::Error::Unavailable(_)) => return Err(error),
            Err(error) => {
                tracing::error!(quarantine.id = %id, error = &error as &dyn std::error::Error, "a message of the quarantine could not be applied");
                system
                    .give_up_replay(id, &format!("could not be applied: {error}"))
                    .await?;
            }
        }
        Ok(true)
    }
}

impl Judge for Replay {
    fn read(&self, letter: Letter, origin: Origin) -> Result<Readable, Unusable> {
        match origin {
            Origin::Outcomes => self
                .outcomes
                .read(letter)
                .map(|report| Readable::Outcome(Box::new(report))),
            Origin::DeadLetters => self.dead_letters.read(letter).map(Readable::DeadTask),
        }
    }

    fn retry_policy(&self, job: &Job) -> RetryPolicy {
        self.outcomes.retry_policy(job)
    }

    fn dead_letter_policy(&self, job: &Job) -> DeadLetterPolicy {
        self.dead_letters.policy(job)
    }
}
