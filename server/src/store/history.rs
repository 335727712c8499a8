//! A job's history: one entry a transition, in the transaction that made it.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::Error;
use super::entity::event;
use super::row::state_number;
use crate::job::{EventKind, Job, Timestamp};

/// Adds an entry. The job is as the transition left it, and its row is the transaction's own.
pub(super) async fn add(
    tx: &DatabaseTransaction,
    job: &Job,
    kind: EventKind,
    message: String,
    now: Timestamp,
) -> Result<(), Error> {
    let last: Option<Option<i32>> = event::Entity::find()
        .select_only()
        .column_as(event::Column::Number.max(), "last")
        .filter(event::Column::JobId.eq(job.id.uuid()))
        .into_tuple()
        .one(tx)
        .await?;
    let entry = event::ActiveModel {
        job_id: Set(job.id.uuid()),
        number: Set(last.flatten().unwrap_or_default() + 1),
        time: Set(now.millis()),
        kind: Set(kind.as_str().to_owned()),
        state: Set(state_number(job.state)),
        revision: Set(job.revision),
        dispatch: Set(job.dispatch),
        message: Set(message),
    };
    event::Entity::insert(entry).exec_without_returning(tx).await?;
    Ok(())
}
