//! Deletes what was dealt with, ten messages in a request.
//!
//! What is not full waits a moment for more, if more keeps coming. It costs nothing: the commit is made, and a message that comes again
//! because of it is known.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::linger;
use crate::queue::{BATCH_MAX, Results};

/// What is left waits for no longer than this: more comes within a moment, if it does.
const WAIT_MAX: Duration = linger::LINGER.saturating_mul(2);

/// Messages that are to be deleted.
pub(super) struct Deletions {
    results: Results,
    receipts: Vec<String>,
    /// When those that are left are deleted at the latest.
    due: Option<Instant>,
}

impl Deletions {
    pub(super) const fn new(results: Results) -> Self {
        Self {
            results,
            receipts: Vec::new(),
            due: None,
        }
    }

    /// Deletes these, as far as they fill requests; the rest soon, when what came had been waited for so long.
    pub(super) async fn add(&mut self, receipts: Vec<String>, waited: Duration) {
        self.receipts.extend(receipts);
        let full = self.receipts.len() / BATCH_MAX * BATCH_MAX;
        self.delete(full).await;
        if linger::after(waited).is_zero() {
            self.rest().await;
        } else if !self.receipts.is_empty() && self.due.is_none() {
            self.due = Some(Instant::now() + WAIT_MAX);
        }
    }

    /// Returns when the rest is to be deleted; never while there is none.
    pub(super) async fn due(&self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Deletes the rest.
    pub(super) async fn rest(&mut self) {
        self.delete(self.receipts.len()).await;
    }

    async fn delete(&mut self, count: usize) {
        let receipts: Vec<_> = self.receipts.drain(..count).collect();
        if self.receipts.is_empty() {
            self.due = None;
        }
        let requests = receipts
            .chunks(BATCH_MAX)
            .map(|receipts| self.results.delete(receipts));
        for result in join_all(requests).await {
            match result {
                Ok(0) => {}
                Ok(count) => tracing::warn!(
                    count,
                    "outcomes that were dealt with were not deleted and come again"
                ),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "outcomes that were dealt with could not be deleted and come again"
                ),
            }
        }
    }
}
