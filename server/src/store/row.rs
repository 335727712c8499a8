//! A job as a row, and back.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use uuid::Uuid;

use super::Error;
use super::entity::job;
use super::outbox::AT_ONCE;
use crate::job::{DeadLetter, Job, JobId, PartnerId, Progress, State, Timeouts, Timestamp};

/// The number that stands for a state in the database: the one of the API.
pub(super) const fn state_number(state: State) -> i16 {
    match state {
        State::Queued => 1,
        State::Running => 2,
        State::Succeeded => 3,
        State::Failed => 4,
        State::Cancelled => 5,
        State::Expired => 6,
    }
}

pub(super) fn state_of(number: i16) -> Result<State, Error> {
    State::ALL
        .into_iter()
        .find(|state| state_number(*state) == number)
        .ok_or(Error::Corrupt("state"))
}

/// The job, which is the transaction's own from now on: SQLite has one writer, PostgreSQL locks the row.
pub(super) async fn lock(tx: &DatabaseTransaction, id: JobId) -> Result<Option<Locked>, Error> {
    let found = locked(tx, job::Entity::find_by_id(id.uuid())).one(tx).await?;
    found.map(Locked::read).transpose()
}

/// Makes all these jobs the transaction's own, in the order of their ids: of two batches that share jobs, one waits for the other,
/// and never both. Jobs that are not there are none.
pub(super) async fn lock_all(
    tx: &DatabaseTransaction,
    ids: impl ExactSizeIterator<Item = JobId> + Send,
) -> Result<(), Error> {
    if ids.len() < 2 || tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let rows = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::Id.is_in(ids.map(JobId::uuid)))
        .order_by_asc(job::Column::Id);
    locked(tx, rows).into_tuple::<Uuid>().all(tx).await?;
    Ok(())
}

/// A job that is a transaction's own.
pub(super) struct Locked {
    pub(super) job: Job,
    /// Whether a sending of its current dispatch may have begun.
    pub(super) is_claimed: bool,
    /// Whether its current dispatch, once claimed, was to be sent again.
    pub(super) is_redriven: bool,
}

impl Locked {
    fn read(row: job::Model) -> Result<Self, Error> {
        let is_claimed = row.claimed_dispatch >= row.dispatch;
        Ok(Self {
            is_claimed,
            // The second where a server of before has redriven it, which nobody has claimed since.
            is_redriven: row.redriven_dispatch == Some(row.dispatch)
                || is_claimed && row.dispatch_due == Some(AT_ONCE),
            job: read(row)?,
        })
    }
}

/// The same for a job of this partner.
pub(super) async fn lock_of(
    tx: &DatabaseTransaction,
    partner: &PartnerId,
    id: JobId,
) -> Result<Option<Locked>, Error> {
    let of_partner = job::Entity::find_by_id(id.uuid()).filter(job::Column::PartnerId.eq(partner.as_str()));
    let found = locked(tx, of_partner).one(tx).await?;
    found.map(Locked::read).transpose()
}

fn locked(tx: &DatabaseTransaction, query: Select<job::Entity>) -> Select<job::Entity> {
    if tx.get_database_backend() == DbBackend::Postgres {
        query.lock(LockType::Update)
    } else {
        query
    }
}

/// Reads a row.
pub(super) fn read(row: job::Model) -> Result<Job, Error> {
    let dead_letter = dead_letter(&row);
    Ok(Job {
        id: JobId::from_uuid(row.id),
        partner: PartnerId::new(row.partner_id),
        job_type: row.job_type,
        job_type_version: row.job_type_version,
        state: state_of(row.state)?,
        revision: row.revision,
        dispatch: row.dispatch,
        attempt: row.attempt,
        seq: row.seq,
        dead_letter,
        cancel_requested: row.cancel_requested,
        labels: serde_json::from_value(row.labels).map_err(|_invalid| Error::Corrupt("labels"))?,
        request_id: row.request_id,
        retried_from: row.retried_from.map(JobId::from_uuid),
        retried_by: row.retried_by.map(JobId::from_uuid),
        progress: row.progress_completed.map(|completed| Progress {
            completed,
            total: row.progress_total.unwrap_or_default(),
            message: row.progress_message.unwrap_or_default(),
        }),
        failure: row
            .failure
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_invalid| Error::Corrupt("failure"))?,
        create_time: Timestamp::from_millis(row.create_time),
        update_time: Timestamp::from_millis(row.update_time),
        start_time: row.start_time.map(Timestamp::from_millis),
        end_time: row.end_time.map(Timestamp::from_millis),
        deadline: Timestamp::from_millis(row.deadline),
        purge_time: row.purge_time.map(Timestamp::from_millis),
        timeouts: Timeouts {
            queue_millis: row.queue_timeout_millis,
            execution_millis: row.execution_timeout_millis,
            retention_millis: row.retention_millis,
        },
    })
}

/// Of another dispatch than the job's, it is what a server left behind that does not know of dead letters.
fn dead_letter(row: &job::Model) -> Option<DeadLetter> {
    let is_current = |dispatch: Option<i32>| dispatch == Some(row.dispatch);
    match (is_current(row.held_dispatch), is_current(row.failing_dispatch)) {
        (true, _) => Some(DeadLetter::Held),
        (false, true) => Some(DeadLetter::Failing),
        (false, false) => None,
    }
}

/// The columns of a job that change in its life. Its outbox and the place of its change are the writer's to add.
pub(super) fn changes(job: &Job) -> Result<job::ActiveModel, Error> {
    let progress = job.progress.as_ref();
    let dispatch_if = |what| (job.dead_letter == Some(what)).then_some(job.dispatch);
    Ok(job::ActiveModel {
        id: Unchanged(job.id.uuid()),
        state: Set(state_number(job.state)),
        revision: Set(job.revision),
        dispatch: Set(job.dispatch),
        attempt: Set(job.attempt),
        seq: Set(job.seq),
        failing_dispatch: Set(dispatch_if(DeadLetter::Failing)),
        held_dispatch: Set(dispatch_if(DeadLetter::Held)),
        cancel_requested: Set(job.cancel_requested),
        retried_by: Set(job.retried_by.map(JobId::uuid)),
        progress_completed: Set(progress.map(|progress| progress.completed)),
        progress_total: Set(progress.map(|progress| progress.total)),
        progress_message: Set(progress.map(|progress| progress.message.clone())),
        failure: Set(job
            .failure
            .as_ref()
            .map(serde_json::to_value)
            .transpose()
            .map_err(|_invalid| Error::Corrupt("failure"))?),
        update_time: Set(job.update_time.millis()),
        start_time: Set(job.start_time.map(Timestamp::millis)),
        end_time: Set(job.end_time.map(Timestamp::millis)),
        deadline: Set(job.deadline.millis()),
        purge_time: Set(job.purge_time.map(Timestamp::millis)),
        ..Default::default()
    })
}

/// Every column of a new job but those of its outbox, request and change.
pub(super) fn new(job: &Job) -> Result<job::ActiveModel, Error> {
    Ok(job::ActiveModel {
        id: Set(job.id.uuid()),
        partner_id: Set(job.partner.as_str().to_owned()),
        job_type: Set(job.job_type.clone()),
        job_type_version: Set(job.job_type_version.clone()),
        labels: Set(serde_json::to_value(&job.labels).map_err(|_invalid| Error::Corrupt("labels"))?),
        request_id: Set(job.request_id.clone()),
        retried_from: Set(job.retried_from.map(JobId::uuid)),
        create_time: Set(job.create_time.millis()),
        queue_timeout_millis: Set(job.timeouts.queue_millis),
        execution_timeout_millis: Set(job.timeouts.execution_millis),
        retention_millis: Set(job.timeouts.retention_millis),
        ..changes(job)?
    })
}
