//! A job's history: one entry a transition, in the transaction that made it.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::Error;
use super::entity::event;
use super::row::state_number;
use crate::job::{EventKind, Job, Timestamp};

/// Adds an entry. The job is as the transition left it, and its row is the transaction's own. `detail` is what neither job nor kind
/// tell: the message of a sending, the dispatch of a late outcome, the reason of a wish, what ended a cancelled job.
pub(super) async fn add(
    tx: &DatabaseTransaction,
    job: &Job,
    kind: EventKind,
    detail: &str,
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
        message: Set(sentence(kind, job, detail)),
    };
    event::Entity::insert(entry).exec_without_returning(tx).await?;
    Ok(())
}

/// What an entry says to people.
fn sentence(kind: EventKind, job: &Job, detail: &str) -> String {
    match kind {
        EventKind::Submitted => "accepted".to_owned(),
        EventKind::Sent => format!("handed to the queue as message {detail}"),
        EventKind::Started => "an execution began".to_owned(),
        EventKind::RetryScheduled => format!(
            "the execution failed and is tried again as dispatch {}",
            job.dispatch
        ),
        EventKind::CancelRequested if detail.is_empty() => "a cancellation was asked for".to_owned(),
        EventKind::CancelRequested => format!("a cancellation was asked for: {detail}"),
        EventKind::Succeeded => "succeeded".to_owned(),
        EventKind::Failed | EventKind::Expired => match &job.failure {
            Some(failure) => format!("{} with {}", kind.as_str(), failure.reason),
            None => kind.as_str().to_owned(),
        },
        EventKind::Cancelled => detail.to_owned(),
        EventKind::LateOutcome => format!("a late outcome of dispatch {detail} changed nothing"),
    }
}
