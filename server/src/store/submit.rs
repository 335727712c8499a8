//! Takes a job in: idempotency, unique keys, the row and its outbox, in one transaction.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, SqlErr};

use super::again::Failure;
use super::change::Place;
use super::entity::{body, job, label, unique_key};
use super::history::Entry;
use super::outbox::AT_ONCE;
use super::write::Writing;
use super::{Error, Store, row};
use crate::job::{EventKind, Job, JobId, PartnerId};

/// A job that has been checked, and is to be stored.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The job as it will be: QUEUED, revision 1, dispatch 1.
    pub job: Job,
    /// Its payload as JSON text.
    pub payload: String,
    /// SHA-256 of the canonical request: tells whether a request with the same key is the same.
    pub digest: [u8; 32],
    /// The values that it must be the only one to hold.
    pub unique: Vec<UniqueKey>,
    /// The W3C trace context that it was submitted in.
    pub trace: Trace,
}

/// A value that one job of a partner and job type may hold at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The constraint's name.
    pub name: String,
    /// SHA-256 of the values.
    pub digest: [u8; 32],
}

/// A W3C trace context; empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The header of that name.
    pub traceparent: String,
    /// The header of that name.
    pub tracestate: String,
}

/// A job that was submitted under a key before.
#[derive(Debug, Clone)]
pub struct Known {
    /// The job as it is now.
    pub job: Job,
    /// The digest of the request that it came with.
    pub digest: Vec<u8>,
}

/// What came of a submission.
#[derive(Debug, Clone)]
pub enum Submitted {
    /// It is stored.
    New(Job),
    /// The same request was stored before: the job as it is now.
    Known(Job),
}

/// Why a job was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The key came with another request before.
    #[error("the request id was used by another request")]
    RequestIdReused,
    /// Another job of the partner holds a unique value.
    #[error("constraint {constraint} is held by {holder}")]
    Unique {
        /// The constraint's name.
        constraint: String,
        /// The job that holds the value.
        holder: JobId,
    },
    /// The database failed. Whether the job was stored is unknown: the same key says.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Failure for SubmitError {
    fn of_database(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::RequestIdReused | Self::Unique { .. } => None,
        }
    }
}

impl From<sea_orm::DbErr> for SubmitError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    pub(super) async fn submit(&self, submission: &Submission) -> Result<Submitted, SubmitError> {
        match self.try_submit(submission).await {
            // Two at once with one key, on two connections: the second finds the first's job now.
            Err(SubmitError::Store(Error::Refused(error))) if is_unique_violation(&error) => {
                self.try_submit(submission).await
            }
            result => result,
        }
    }

    async fn try_submit(&self, submission: &Submission) -> Result<Submitted, SubmitError> {
        let mut writing = self.write(submission.job.create_time).await?;
        if let Some(known) = find_request(
            writing.tx(),
            &submission.job.partner,
            submission.job.request_id.as_deref(),
        )
        .await?
        {
            return if known.digest == submission.digest {
                Ok(Submitted::Known(known.job))
            } else {
                Err(SubmitError::RequestIdReused)
            };
        }
        insert(&mut writing, submission).await?;
        self.commit(writing).await?;
        Ok(Submitted::New(submission.job.clone()))
    }

    /// Everything that would stop this submission, and nothing stored.
    pub(super) async fn check(&self, submission: &Submission) -> Result<(), SubmitError> {
        let read = &self.inner.read;
        if let Some(known) = find_request(
            read,
            &submission.job.partner,
            submission.job.request_id.as_deref(),
        )
        .await?
        {
            return if known.digest == submission.digest {
                Ok(())
            } else {
                Err(SubmitError::RequestIdReused)
            };
        }
        for key in &submission.unique {
            if let Some(holder) = holder(read, &submission.job, key).await? {
                return Err(SubmitError::Unique {
                    constraint: key.name.clone(),
                    holder,
                });
            }
        }
        Ok(())
    }
}

pub(super) async fn find_request(
    db: &impl ConnectionTrait,
    partner: &PartnerId,
    request_id: Option<&str>,
) -> Result<Option<Known>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let found = job::Entity::find()
        .filter(job::Column::PartnerId.eq(partner.as_str()))
        .filter(job::Column::RequestId.eq(request_id))
        .one(db)
        .await?;
    let Some(mut found) = found else { return Ok(None) };
    let digest = found.request_digest.take().unwrap_or_default();
    Ok(Some(Known {
        job: row::read(found)?,
        digest,
    }))
}

/// Stores a job that is due at once, with all that belongs to it.
pub(super) async fn insert(writing: &mut Writing, submission: &Submission) -> Result<(), SubmitError> {
    let place = writing.place().await?;
    insert_job(writing.tx(), submission, place).await?;
    insert_unique_keys(writing.tx(), submission).await?;
    let entry = Entry {
        kind: EventKind::Submitted,
        detail: "",
    };
    Ok(writing.added(&submission.job, entry).await?)
}

async fn insert_job(tx: &DatabaseTransaction, submission: &Submission, place: Place) -> Result<(), Error> {
    let job = &submission.job;
    let row = job::ActiveModel {
        request_digest: Set(Some(submission.digest.to_vec())),
        dispatch_due: Set(Some(AT_ONCE)),
        claimed_dispatch: Set(0),
        traceparent: Set(submission.trace.traceparent.clone()),
        tracestate: Set(submission.trace.tracestate.clone()),
        change_generation: Set(place.generation),
        change_position: Set(place.position),
        ..row::new(job)?
    };
    job::Entity::insert(row).exec_without_returning(tx).await?;
    let body = body::ActiveModel {
        job_id: Set(job.id.uuid()),
        payload: Set(submission.payload.clone()),
        result: Set(None),
        outputs: Set(None),
    };
    body::Entity::insert(body).exec_without_returning(tx).await?;
    let labels = job.labels.iter().map(|(key, value)| label::ActiveModel {
        job_id: Set(job.id.uuid()),
        key: Set(key.clone()),
        value: Set(value.clone()),
    });
    if !job.labels.is_empty() {
        label::Entity::insert_many(labels)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn insert_unique_keys(tx: &DatabaseTransaction, submission: &Submission) -> Result<(), SubmitError> {
    let job = &submission.job;
    for key in &submission.unique {
        while !insert_unique_key(tx, job, key).await? {
            // None, where the holder failed in this very moment and let go: then the value is free.
            if let Some(holder) = holder(tx, job, key).await? {
                return Err(SubmitError::Unique {
                    constraint: key.name.clone(),
                    holder,
                });
            }
        }
    }
    Ok(())
}

/// Takes the value, unless another job holds it.
async fn insert_unique_key(tx: &DatabaseTransaction, job: &Job, key: &UniqueKey) -> Result<bool, Error> {
    let row = unique_key::ActiveModel {
        partner_id: Set(job.partner.as_str().to_owned()),
        job_type: Set(job.job_type.clone()),
        name: Set(key.name.clone()),
        digest: Set(key.digest.to_vec()),
        job_id: Set(job.id.uuid()),
    };
    let inserted = unique_key::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(inserted > 0)
}

async fn holder(db: &impl ConnectionTrait, job: &Job, key: &UniqueKey) -> Result<Option<JobId>, Error> {
    let id = (
        job.partner.as_str().to_owned(),
        job.job_type.clone(),
        key.name.clone(),
        key.digest.to_vec(),
    );
    Ok(unique_key::Entity::find_by_id(id)
        .one(db)
        .await?
        .map(|row| JobId::from_uuid(row.job_id)))
}

fn is_unique_violation(error: &sea_orm::DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
