//! What operators may do, across partners. Every verb that changes something takes the operator first, and leaves a row that names them, in
//! the same transaction.

use super::{Error, HistoryEntry, Store};
use crate::job::{Cancellation, Job, JobId, Operator, Timestamp};

pub use super::conclude::{Concluded, Ending};
pub use super::inspect::{Condition, Filter, Inspected, Sent, Whole};

/// The verbs of operators. Each fails only when the database does; none where there is no such job.
#[derive(Debug, Clone, Copy)]
pub struct Face<'a> {
    store: &'a Store,
}

#[allow(clippy::missing_errors_doc, reason = "said once, on the type")]
impl<'a> Face<'a> {
    pub(super) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// A job as it is now.
    pub async fn get(&self, id: JobId) -> Result<Option<Inspected>, Error> {
        self.store.again(|| self.store.inspect(id)).await
    }

    /// A job as it is now, with all that belongs to it but its history.
    pub async fn get_whole(&self, id: JobId) -> Result<Option<Whole>, Error> {
        self.store.again(|| self.store.inspect_whole(id)).await
    }

    /// At most `count` jobs of all partners, newest first, that come after `after`.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<JobId>,
        count: u64,
        now: Timestamp,
    ) -> Result<Vec<Inspected>, Error> {
        self.store
            .again(|| self.store.inspect_all(filter, after, count, now))
            .await
    }

    /// At most `count` entries of a job's history, oldest first, that come after the entry of this number. Every history has entries, and none
    /// has a next page without.
    pub async fn history(&self, id: JobId, after: i32, count: u64) -> Result<Vec<HistoryEntry>, Error> {
        self.store
            .again(|| self.store.history_of_any(id, after, count))
            .await
    }

    /// Cancels a job, or asks for it; the job as it is then, and what came of it.
    pub async fn cancel(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<(Job, Cancellation)>, Error> {
        self.store
            .again(|| self.store.cancel_as(operator, id, reason, now))
            .await
    }
    /// Ends a job as the operator says; what came of it.
    pub async fn conclude(
        &self,
        operator: &Operator,
        id: JobId,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<Option<Concluded>, Error> {
        self.store
            .again(|| self.store.conclude(operator, id, ending, now))
            .await
    }
}
