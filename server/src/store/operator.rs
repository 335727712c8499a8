//! What operators may do, across partners. Every verb that changes something takes the operator first, and leaves a row that names them, in
//! the same transaction.

use super::{Error, HistoryEntry, Original, Retried, Store, Submission, SubmitError};
use crate::job::{Cancellation, Job, JobId, Operator, Timestamp};

pub use super::action::{Action, ActionId};
pub use super::conclude::{Concluded, Ending};
pub use super::dead_letters::Redriven;
pub use super::inspect::{Condition, Filter, Inspected, Sent, Whole};
pub use super::pauses::{Pause, PauseSubject};
pub use super::quarantine::{Marked, QuarantineId, Quarantined};

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

    /// A job that is to be retried, with what that takes.
    pub async fn original(&self, id: JobId) -> Result<Option<Original>, Error> {
        let original = async || match self.store.inspect(id).await? {
            Some(inspected) => self.store.original_of(inspected.job).await,
            None => Ok(None),
        };
        self.store.again(original).await
    }

    /// Stores the successor of a job for its partner, or finds the one that it has.
    ///
    /// # Errors
    /// [`SubmitError`] says which.
    pub async fn retry(
        &self,
        operator: &Operator,
        id: JobId,
        submission: &Submission,
        reason: &str,
    ) -> Result<Option<Retried>, SubmitError> {
        self.store
            .again(|| self.store.retry_as(operator, id, submission, reason))
            .await
    }

    /// Writes down that an operator asked for a successor that was known.
    pub async fn note_retry(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.store
            .again(|| self.store.note_retry(operator, id, reason, now))
            .await
    }

    /// Sends the task of a held job again, of the same dispatch.
    pub async fn redrive(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Redriven>, Error> {
        self.store
            .again(|| self.store.redrive(operator, id, reason, now))
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

    /// At most `count` messages of the quarantine, newest first, that come after `after`.
    pub async fn quarantined(
        &self,
        after: Option<QuarantineId>,
        count: u64,
    ) -> Result<Vec<Quarantined>, Error> {
        self.store
            .again(|| self.store.quarantined_messages(after, count))
            .await
    }

    /// A message of the quarantine with its body. None where it is not there, as with the verbs that follow.
    pub async fn quarantined_whole(&self, id: QuarantineId) -> Result<Option<(Quarantined, Vec<u8>)>, Error> {
        self.store.again(|| self.store.quarantined_whole(id)).await
    }

    /// Has a message of the quarantine read again, soon.
    pub async fn replay(
        &self,
        operator: &Operator,
        id: QuarantineId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Marked>, Error> {
        self.store
            .again(|| self.store.mark_for_replay(operator, id, reason, now))
            .await
    }

    /// Deletes a message of the quarantine, and tells whether it was there.
    pub async fn drop_quarantined(
        &self,
        operator: &Operator,
        id: QuarantineId,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.store
            .again(|| self.store.drop_quarantined(operator, id, reason, now))
            .await
    }

    /// Has no more tasks of these handed out: what was claimed before this returns goes on. The pause as it stands, be it of before; none where
    /// there are too many.
    pub async fn pause(
        &self,
        operator: &Operator,
        subject: &PauseSubject,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Pause>, Error> {
        self.store
            .again(|| self.store.pause(operator, subject, reason, now))
            .await
    }

    /// Has them handed out again.
    pub async fn resume(
        &self,
        operator: &Operator,
        subject: &PauseSubject,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.store
            .again(|| self.store.resume(operator, subject, reason, now))
            .await
    }

    /// What is paused, oldest first.
    pub async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        self.store.again(|| self.store.pauses()).await
    }

    /// At most `count` actions of operators, newest first, that come after `after`.
    pub async fn actions(&self, after: Option<ActionId>, count: u64) -> Result<Vec<Action>, Error> {
        self.store.again(|| self.store.actions(after, count)).await
    }
}
