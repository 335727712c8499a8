//! Deletes what has been kept long enough: jobs after their retention, with payload, result and keys, what was quarantined, and what is known of
//! operators.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::job::Timestamp;
use crate::meters::Swept;
use crate::store::{self, Store};

/// Jobs, or messages, deleted in one transaction: each may be as large as a message.
const BATCH_MAX: u64 = 100;
/// Retention is counted in days.
const EVERY: Duration = Duration::from_mins(1);
/// How long a message that could not be used is kept for the operator.
const QUARANTINE_KEPT: Duration = Duration::from_hours(24 * 30);
/// How long it is known what operators did.
const ACTIONS_KEPT: Duration = Duration::from_hours(24 * 400);

/// The loop that deletes.
#[derive(Debug)]
pub struct Retention {
    /// Where jobs and quarantined messages are.
    pub store: Store,
    /// What is counted of it.
    pub meters: Swept,
}

impl Retention {
    /// Deletes until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut batch = BATCH_MAX;
        while !shutdown.is_cancelled() {
            let result = self.round(batch, Timestamp::now()).await;
            batch = next_batch(batch, result.is_ok());
            let wait = match result {
                Ok(true) => Duration::ZERO,
                Ok(false) => EVERY,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what has been kept long enough is kept a while longer"
                    );
                    EVERY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Deletes as many of each at most, and tells whether there may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn round(&self, batch: u64, now: Timestamp) -> Result<bool, store::Error> {
        let system = self.store.system();
        let jobs = system.purge(batch, now).await?;
        let messages = system.prune_quarantine(batch, now.minus(QUARANTINE_KEPT)).await?;
        let actions = system.prune_actions(batch, now.minus(ACTIONS_KEPT)).await?;
        self.meters.deleted("job", jobs);
        self.meters.deleted("quarantined_message", messages);
        self.meters.deleted("operator_action", actions);
        if jobs + messages + actions > 0 {
            tracing::info!(jobs, messages, actions, "deleted what has been kept long enough");
        }
        Ok([jobs, messages, actions].contains(&batch))
    }
}

/// Some jobs have so much that belongs to them that a batch takes longer than the database allows: fewer at a time go through.
fn next_batch(batch: u64, went_well: bool) -> u64 {
    if went_well {
        (batch * 2).min(BATCH_MAX)
    } else {
        (batch / 2).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_shrink_to_one_while_they_fail_and_grow_again() {
        let mut batch = BATCH_MAX;
        for _ in 0..10 {
            batch = next_batch(batch, false);
        }
        assert_eq!(batch, 1);
        for _ in 0..10 {
            batch = next_batch(batch, true);
        }
        assert_eq!(batch, BATCH_MAX);
    }
}
