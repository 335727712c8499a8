//! What partners may do, each verb bound to the partner: no other's job can be read, nor told from one that does not exist.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::entity::{body, job};
use super::{
    Changes, Cursor, Deletion, Error, Filter, HistoryEntry, Known, Original, Retried, Store, Submission,
    SubmitError, Submitted, row, submit,
};
use crate::job::{Cancellation, Job, JobId, PartnerId, State, Timestamp};

/// The verbs of partners.
#[derive(Debug, Clone, Copy)]
pub struct Face<'a> {
    store: &'a Store,
}

impl<'a> Face<'a> {
    pub(super) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Stores a job, or finds the one that the same request made before.
    ///
    /// # Errors
    /// [`SubmitError`] says which.
    pub async fn submit(&self, submission: &Submission) -> Result<Submitted, SubmitError> {
        self.store.again(|| self.store.submit(submission)).await
    }

    /// Says what `submit` would refuse, and stores nothing.
    ///
    /// # Errors
    /// As `submit`.
    pub async fn check(&self, submission: &Submission) -> Result<(), SubmitError> {
        self.store.again(|| self.store.check(submission)).await
    }

    /// The job that was submitted under this key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_request(&self, partner: &PartnerId, request_id: &str) -> Result<Option<Known>, Error> {
        let read = &self.store.inner.read;
        self.store
            .again(|| submit::find_request(read, partner, Some(request_id)))
            .await
    }

    /// A job as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, partner: &PartnerId, id: JobId) -> Result<Option<Job>, Error> {
        let found = async || {
            let of_partner =
                job::Entity::find_by_id(id.uuid()).filter(job::Column::PartnerId.eq(partner.as_str()));
            Ok::<_, Error>(of_partner.one(&self.store.inner.read).await?)
        };
        self.store.again(found).await?.map(row::read).transpose()
    }

    /// What the consumer of a job of this partner returned, as JSON text. A succeeded job's result never changes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn result(&self, partner: &PartnerId, job: &Job) -> Result<Option<String>, Error> {
        if job.state != State::Succeeded || job.partner != *partner {
            return Ok(None);
        }
        let body = async || {
            let of_job = body::Entity::find_by_id(job.id.uuid());
            Ok::<_, Error>(of_job.one(&self.store.inner.read).await?)
        };
        Ok(self.store.again(body).await?.and_then(|body| body.result))
    }

    /// At most `count` entries of a job's history, oldest first, that come after the entry of this number. None at all where the partner has no
    /// such job: every history begins with a submission, and none has a next page without entries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(
        &self,
        partner: &PartnerId,
        id: JobId,
        after: i32,
        count: u64,
    ) -> Result<Vec<HistoryEntry>, Error> {
        self.store
            .again(|| self.store.history(partner, id, after, count))
            .await
    }

    /// Cancels a job, or asks for it, with a reason for its history; the job as it is then, and what came of it. None where the partner has
    /// no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel(
        &self,
        partner: &PartnerId,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<(Job, Cancellation)>, Error> {
        self.store
            .again(|| self.store.cancel(partner, id, reason, now))
            .await
    }

    /// A job that is to be retried, with what that takes. None where the partner has no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn original(&self, partner: &PartnerId, id: JobId) -> Result<Option<Original>, Error> {
        self.store.again(|| self.store.original(partner, id)).await
    }

    /// Stores the successor of a job, `retried_from` of which names it, or finds the one that it has. One that was purged or deleted is none:
    /// another may take its place. None where the partner has no such job.
    ///
    /// # Errors
    /// [`SubmitError`] says which.
    pub async fn retry(
        &self,
        partner: &PartnerId,
        id: JobId,
        submission: &Submission,
    ) -> Result<Option<Retried>, SubmitError> {
        self.store
            .again(|| self.store.retry(partner, id, submission))
            .await
    }

    /// Deletes a job that has ended, with all that belongs to it. None where the partner has no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete(
        &self,
        partner: &PartnerId,
        id: JobId,
        now: Timestamp,
    ) -> Result<Option<Deletion>, Error> {
        self.store.again(|| self.store.delete(partner, id, now)).await
    }

    /// At most `count` jobs, newest first, that come after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        partner: &PartnerId,
        filter: &Filter,
        after: Option<JobId>,
        count: u64,
    ) -> Result<Vec<Job>, Error> {
        self.store
            .again(|| self.store.list(partner, filter, after, count))
            .await
    }

    /// What changed after the cursor, at most `count` jobs; without one, nothing, and where changes stand now. None where the cursor is from
    /// before the database was restored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changes(
        &self,
        partner: &PartnerId,
        job_type: Option<&str>,
        after: Option<&Cursor>,
        count: u64,
    ) -> Result<Option<Changes>, Error> {
        self.store
            .again(|| self.store.changes(partner, job_type, after, count))
            .await
    }

    /// At most `count` jobs that are not terminal, newest first, that come after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active(
        &self,
        partner: &PartnerId,
        job_type: Option<&str>,
        after: Option<JobId>,
        count: u64,
    ) -> Result<Vec<Job>, Error> {
        self.store
            .again(|| self.store.active(partner, job_type, after, count))
            .await
    }
}
