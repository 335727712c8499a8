//! Deletes what has been kept long enough: jobs after their retention, with payload, result and keys, and what was quarantined.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::job::Timestamp;
use crate::store::{self, Store};

/// Jobs, or messages, deleted in one transaction: each may be as large as a message.
const BATCH_MAX: u64 = 100;
/// Retention is counted in days.
const EVERY: Duration = Duration::from_mins(1);
/// How long a message that could not be used is kept for the operator.
const QUARANTINE_KEPT: Duration = Duration::from_hours(24 * 30);

/// The loop that deletes.
#[derive(Debug)]
pub struct Retention {
    /// Where jobs and quarantined messages are.
    pub store: Store,
}

impl Retention {
    /// Deletes until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let wait = match self.round(Timestamp::now()).await {
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

    /// Deletes a batch of each, and tells whether there may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn round(&self, now: Timestamp) -> Result<bool, store::Error> {
        let system = self.store.system();
        let jobs = system.purge(BATCH_MAX, now).await?;
        let messages = system
            .prune_quarantine(BATCH_MAX, now.minus(QUARANTINE_KEPT))
            .await?;
        if jobs + messages > 0 {
            tracing::info!(jobs, messages, "deleted what has been kept long enough");
        }
        Ok(jobs == BATCH_MAX || messages == BATCH_MAX)
    }
}
