//! Stores the successor of a job that has ended, one at most.
//!
//! The row of the old job is locked first: of a hundred who ask at once, one makes the successor and all others find it.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::action::{ActionKind, Subject};
use super::entity::{body, job};
use super::history::Entry;
use super::write::{Outbox, Writing};
use super::{Error, Store, Submission, SubmitError, row, submit};
use crate::job::{EventKind, Job, JobId, NotRetried, Operator, PartnerId, State, Timestamp};

/// A job that is to be retried, as it is now.
#[derive(Debug, Clone)]
pub struct Original {
    /// The job.
    pub job: Job,
    /// Its payload as JSON text.
    pub payload: String,
    /// The job that retries it, unless that is gone.
    pub successor: Option<Job>,
}

/// What came of a retry.
#[derive(Debug, Clone)]
pub enum Retried {
    /// The successor is stored.
    New(Job),
    /// It was stored before: the successor as it is now.
    Known(Job),
    /// There is none, for the job, in this state, is not to be retried.
    Refused(NotRetried, State),
}

impl Store {
    pub(super) async fn original(&self, partner: &PartnerId, id: JobId) -> Result<Option<Original>, Error> {
        match self.partner().get(partner, id).await? {
            Some(job) => self.original_of(job).await,
            None => Ok(None),
        }
    }

    /// The same for a job that was read.
    pub(super) async fn original_of(&self, job: Job) -> Result<Option<Original>, Error> {
        let read = &self.inner.read;
        // Deleted in this moment, where it has none.
        let Some(body) = body::Entity::find_by_id(job.id.uuid()).one(read).await? else {
            return Ok(None);
        };
        Ok(Some(Original {
            successor: successor(read, &job).await?,
            payload: body.payload,
            job,
        }))
    }

    pub(super) async fn retry(
        &self,
        partner: &PartnerId,
        id: JobId,
        submission: &Submission,
    ) -> Result<Option<Retried>, SubmitError> {
        let mut writing = self.write(submission.job.create_time).await?;
        let Some(locked) = writing.lock_of(partner, id).await? else {
            return Ok(None);
        };
        let retried = retry(&mut writing, locked.job, submission, "").await?;
        self.commit(writing).await?;
        Ok(Some(retried))
    }

    /// The same for an operator, who is named in the history of both, and in that of the old one when its successor was known.
    pub(super) async fn retry_as(
        &self,
        operator: &Operator,
        id: JobId,
        submission: &Submission,
        reason: &str,
    ) -> Result<Option<Retried>, SubmitError> {
        let mut writing = self.write_as(operator, submission.job.create_time).await?;
        let Some(locked) = writing.lock(id).await? else {
            return Ok(None);
        };
        let retried = retry(&mut writing, locked.job, submission, reason).await?;
        if !matches!(retried, Retried::Refused(..)) {
            writing
                .acted(operator, ActionKind::Retry, Subject::Job(id), reason)
                .await?;
        }
        self.commit(writing).await?;
        Ok(Some(retried))
    }

    /// Writes down that an operator asked for the successor of a job, which was known.
    pub(super) async fn note_retry(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let writing = self.write_as(operator, now).await?;
        if let Some(locked) = writing.lock(id).await? {
            writing.noted(&locked.job, retried(reason)).await?;
            writing
                .acted(operator, ActionKind::Retry, Subject::Job(id), reason)
                .await?;
        }
        self.commit(writing).await
    }
}

async fn retry(
    writing: &mut Writing,
    mut old: Job,
    submission: &Submission,
    reason: &str,
) -> Result<Retried, SubmitError> {
    if let Some(successor) = successor(writing.tx(), &old).await? {
        if writing.operator().is_some() {
            writing.noted(&old, retried(reason)).await?;
        }
        return Ok(Retried::Known(successor));
    }
    if let Err(refused) = old.retry(submission.job.id, writing.now()) {
        return Ok(Retried::Refused(refused, old.state));
    }
    submit::insert(writing, submission).await?;
    writing
        .changed(&old, Outbox::AsItIs, Some(retried(reason)))
        .await?;
    Ok(Retried::New(submission.job.clone()))
}

const fn retried(reason: &str) -> Entry<'_> {
    Entry {
        kind: EventKind::Retried,
        detail: reason,
    }
}

/// The job that retries this one, unless it was purged or deleted since.
async fn successor(db: &impl ConnectionTrait, job: &Job) -> Result<Option<Job>, Error> {
    let Some(id) = job.retried_by else {
        return Ok(None);
    };
    let found = job::Entity::find_by_id(id.uuid())
        .filter(job::Column::PartnerId.eq(job.partner.as_str()))
        .one(db)
        .await?;
    found.map(row::read).transpose()
}
