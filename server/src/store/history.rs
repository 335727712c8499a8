//! A job's history: one entry a transition, in the transaction that made it.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Query, SimpleExpr};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{event, job};
use super::row::{state_number, state_of};
use super::{Error, Store};
use crate::job::{DeadLetter, EventKind, Job, JobId, Operator, PartnerId, State, Timestamp};

/// From here on a history takes no more entries of a kind that has no bound: a consumer that starts a task again and again, or goes on about a
/// job that has ended, must not fill the database. Late outcomes are counted all the same.
const UNBOUNDED_MAX: i32 = 1000;

/// One entry of a job's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its place in the history, from 1.
    pub number: i32,
    /// When.
    pub time: Timestamp,
    /// The name of its kind: one that [`EventKind`] does not have, where a newer server wrote it.
    pub kind: String,
    /// The job's state after it.
    pub state: State,
    /// The job's revision after it.
    pub revision: i32,
    /// The job's dispatch after it.
    pub dispatch: i32,
    /// One sentence for those who operate the server.
    pub message: String,
    /// Who did it, where an operator did.
    pub operator: Option<Operator>,
    /// The queue's id of the message, of a sending.
    pub sqs_message_id: Option<String>,
}

/// An entry to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) kind: EventKind,
    /// What neither job nor kind tell: the message of a sending, the dispatch of what came late, the reason of a wish, what ended a cancelled
    /// job.
    pub(super) detail: &'a str,
}

impl Store {
    /// At most `count` entries that come after the entry of this number. None at all where the partner has no such job.
    pub(super) async fn history(
        &self,
        partner: &PartnerId,
        id: JobId,
        after: i32,
        count: u64,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let of_partner = Query::select()
            .column(job::Column::Id)
            .from(job::Entity)
            .and_where(job::Column::Id.eq(id.uuid()))
            .and_where(job::Column::PartnerId.eq(partner.as_str()))
            .to_owned();
        self.entries(event::Column::JobId.in_subquery(of_partner), after, count)
            .await
    }

    /// The same for the jobs that `whose` allows.
    pub(super) async fn entries(
        &self,
        whose: SimpleExpr,
        after: i32,
        count: u64,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let rows = event::Entity::find()
            .filter(whose)
            .filter(event::Column::Number.gt(after))
            .order_by_asc(event::Column::Number)
            .limit(count)
            .all(&self.inner.read)
            .await?;
        rows.into_iter().map(read).collect()
    }
}

fn read(row: event::Model) -> Result<HistoryEntry, Error> {
    Ok(HistoryEntry {
        number: row.number,
        time: Timestamp::from_millis(row.time),
        kind: row.kind,
        state: state_of(row.state)?,
        revision: row.revision,
        dispatch: row.dispatch,
        message: row.message,
        operator: row.operator.map(Operator::new),
        sqs_message_id: row.sqs_message_id,
    })
}

/// Adds an entry, with the operator who did it, where one did. The job is as the transition left it, and its row is the transaction's own.
pub(super) async fn add(
    tx: &DatabaseTransaction,
    job: &Job,
    Entry { kind, detail }: Entry<'_>,
    operator: Option<&Operator>,
    now: Timestamp,
) -> Result<(), Error> {
    let last: Option<Option<i32>> = event::Entity::find()
        .select_only()
        .column_as(event::Column::Number.max(), "last")
        .filter(event::Column::JobId.eq(job.id.uuid()))
        .into_tuple()
        .one(tx)
        .await?;
    let number = last.flatten().unwrap_or_default() + 1;
    // What an operator did is always said.
    if number > UNBOUNDED_MAX && kind.has_no_bound() && operator.is_none() {
        return Ok(());
    }
    let entry = event::ActiveModel {
        job_id: Set(job.id.uuid()),
        number: Set(number),
        time: Set(now.millis()),
        kind: Set(kind.as_str().to_owned()),
        state: Set(state_number(job.state)),
        revision: Set(job.revision),
        dispatch: Set(job.dispatch),
        message: Set(sentence(kind, job, detail)),
        operator: Set(operator.map(|operator| operator.as_str().to_owned())),
        sqs_message_id: Set((kind == EventKind::Sent).then(|| detail.to_owned())),
    };
    event::Entity::insert(entry).exec_without_returning(tx).await?;
    Ok(())
}

/// What an entry says to people.
fn sentence(kind: EventKind, job: &Job, detail: &str) -> String {
    match kind {
        EventKind::Submitted => match job.retried_from {
            Some(original) => format!("accepted, to retry {original}"),
            None => "accepted".to_owned(),
        },
        EventKind::Sent => format!("handed to the queue as message {detail}"),
        EventKind::Started => "an execution began".to_owned(),
        EventKind::RetryScheduled => format!(
            "the execution failed and is tried again as dispatch {}",
            job.dispatch
        ),
        EventKind::CancelRequested => with("a cancellation was asked for", detail),
        EventKind::Succeeded if detail.is_empty() => "succeeded".to_owned(),
        EventKind::Succeeded => format!("succeeded, as an operator says: {detail}"),
        EventKind::Failed | EventKind::Expired => match &job.failure {
            Some(failure) => format!("{} with {}", kind.as_str(), failure.reason),
            None => kind.as_str().to_owned(),
        },
        EventKind::Cancelled => detail.to_owned(),
        EventKind::DeadLettered => {
            let what = match job.dead_letter {
                Some(DeadLetter::Held) => "waits for an operator",
                Some(DeadLetter::Failing) | None => "fails unless one comes soon",
            };
            format!("the task was handed out too often without an outcome: the job {what}")
        }
        EventKind::Redriven => with("the task is handed out again", detail),
        EventKind::Retried => match job.retried_by {
            Some(successor) => with(&format!("asked for again as {successor}"), detail),
            None => with("asked for again", detail),
        },
        EventKind::LateOutcome => format!("a late outcome of dispatch {detail} changed nothing"),
        EventKind::MessageReplayed => {
            format!("a message about it that could not be used is read again: {detail}")
        }
        EventKind::MessageDropped => {
            format!("a message about it that could not be used was dropped: {detail}")
        }
        EventKind::LateDeadLetter => {
            format!("the task of dispatch {detail} was handed out too often, which changed nothing")
        }
    }
}

/// What happened and why, where that was said.
fn with(what: &str, why: &str) -> String {
    if why.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {why}")
    }
}
