//! Links tasks among the dead letters to their jobs, which end by their deadlines then, or wait for an operator.
//!
//! A message is deleted once the commit has taken it over, or its job has ended, or it is quarantined; until then it comes again by itself.

mod reader;

use std::time::Duration;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::job::{Job, Timestamp};
use crate::meters::Swept;
use crate::queue::{self, DeadLetterQueue, Received};
use crate::store::system::{Letter, Unusable, Verdict};
use crate::store::{self, Store};

pub use reader::Reader;

/// How long an outcome may still be under way when its task is found among the dead letters.
pub const GRACE: Duration = Duration::from_mins(1);

/// The loop that reads dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    /// Where jobs are.
    pub store: Store,
    /// Where dead letters come from.
    pub letters: queue::DeadLetters,
    /// What tells tasks from what cannot be used.
    pub reader: Reader,
    /// What is counted of it.
    pub meters: Swept,
}

impl DeadLetters {
    /// Reads the dead letters of every queue until it is told to stop; what was received by then is finished first.
    pub async fn run(self, shutdown: CancellationToken) {
        let searches = self.letters.searches().into_iter();
        join_all(searches.map(|search| self.follow(search, &shutdown))).await;
    }

    /// Looks for a queue until it is found, or there is none, and then reads it.
    async fn follow(&self, mut search: queue::Search, shutdown: &CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let found = tokio::select! {
                found = search.find() => found,
                () = shutdown.cancelled() => return,
            };
            match found {
                Ok(Some(queue)) => return self.read(&queue, shutdown).await,
                Ok(None) => return,
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a queue of dead letters is not found yet"
                ),
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn read(&self, queue: &DeadLetterQueue, shutdown: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !shutdown.is_cancelled() {
            let received = tokio::select! {
                received = queue.receive() => received,
                () = shutdown.cancelled() => return,
            };
            let result = match received {
                Ok(messages) => self.settle(queue, &messages, Timestamp::now()).await,
                Err(error) => Err(error.into()),
            };
            let Err(failure) = result else {
                backoff.reset();
                continue;
            };
            tracing::warn!(
                error = &failure as &dyn std::error::Error,
                "dead letters could not be dealt with and come again"
            );
            tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Deals with messages for good, each in a transaction of its own, then deletes those it dealt with.
    async fn settle(
        &self,
        queue: &DeadLetterQueue,
        messages: &[Received],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut settled = Vec::new();
        for message in messages {
            match self.link(message, now).await {
                Ok(None) => {}
                Ok(Some(unusable)) => self.quarantine(unusable, now).await?,
                Err(error @ store::Error::Unavailable(_)) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(
                        message.id = message.message_id,
                        error = &error as &dyn std::error::Error,
                        "a dead letter could not be linked to its job and comes again"
                    );
                    continue;
                }
            }
            settled.push(message.receipt.clone());
        }
        if !settled.is_empty() {
            // What SQS keeps comes again, and is known.
            queue.delete(&settled).await?;
        }
        Ok(())
    }

    /// Links a message to its job; or says why it cannot be, and what is to be kept of it.
    async fn link(&self, message: &Received, now: Timestamp) -> Result<Option<Unusable>, store::Error> {
        let task = match self.reader.read(letter(message)) {
            Ok(task) => task,
            Err(unusable) => return Ok(Some(unusable)),
        };
        let policy = |job: &Job| self.reader.policy(job);
        match self.store.system().bury(&task, &policy, now).await? {
            Verdict::Settled => {
                self.meters.linked();
                tracing::warn!(job.id = %task.job, dispatch = task.dispatch, "a task was among the dead letters");
                Ok(None)
            }
            Verdict::JobUnknown => Ok(Some(task.without_job())),
        }
    }

    async fn quarantine(&self, unusable: Unusable, now: Timestamp) -> Result<(), store::Error> {
        tracing::warn!(
            message.id = unusable.letter.message_id,
            reason = unusable.reason,
            "a message among the dead letters is quarantined"
        );
        self.meters.quarantined();
        self.store.system().quarantine(&[unusable], now).await
    }
}

/// What kept dead letters from being dealt with; they come again.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Queue(#[from] queue::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn letter(message: &Received) -> Letter {
    Letter {
        message_id: message.message_id.clone(),
        body: message.body.clone(),
    }
}
