//! Stores the successor of a job that has ended, one at most.
//!
//! The row of the old job is locked first: of a hundred who ask at once, one makes the successor and all others find it.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::entity::{body, job};
use super::write::{Outbox, Writing};
use super::{Error, Store, Submission, SubmitError, row, submit};
use crate::job::{Job, JobId, NotRetried, PartnerId};

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
    /// There is none, for the job is not to be retried.
    Refused(NotRetried),
}

impl Store {
    pub(super) async fn original(&self, partner: &PartnerId, id: JobId) -> Result<Option<Original>, Error> {
        let read = &self.inner.read;
        let Some(job) = self.partner().get(partner, id).await? else {
            return Ok(None);
        };
        // Deleted in this moment, where it has none.
        let Some(body) = body::Entity::find_by_id(id.uuid()).one(read).await? else {
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
        let retried = retry(&mut writing, locked.job, submission).await?;
        self.commit(writing).await?;
        Ok(Some(retried))
    }
}

async fn retry(writing: &mut Writing, mut old: Job, submission: &Submission) -> Result<Retried, SubmitError> {
    if let Some(successor) = successor(writing.tx(), &old).await? {
        return Ok(Retried::Known(successor));
    }
    if let Err(refused) = old.retry(submission.job.id, writing.now()) {
        return Ok(Retried::Refused(refused));
    }
    submit::insert(writing, submission).await?;
    writing.changed(&old, Outbox::AsItIs, None).await?;
    Ok(Retried::New(submission.job.clone()))
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
