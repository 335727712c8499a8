//! What operators did and why: a row an action, in the transaction that did it. It outlives the job that it was about.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Order, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::action;
use super::pauses::PauseSubject;
use super::quarantine::QuarantineId;
use super::write::Writing;
use super::{Error, Store};
use crate::job::{JobId, Operator, Timestamp};

/// Names an action. Ids of later milliseconds sort after earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActionId(Uuid);

/// What an operator did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub id: ActionId,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub operator: Operator,
    /// The name of what was done: a newer server may have done what this one does not know.
    pub kind: String,
    /// To which job, or about which.
    pub job: Option<JobId>,
    /// To what else: `quarantine/…`, `job_type/…`, `partner/…`; empty for a job.
    pub subject: String,
    /// Why.
    pub reason: String,
}

impl ActionId {
    /// The id of a stored UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID to store.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActionKind {
    Cancel,
    Retry,
    Redrive,
    End,
    Replay,
    Drop,
    Pause,
    Resume,
}

/// To what.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    Job(JobId),
    /// A message in the quarantine, and the job that it is about, where that is known.
    Message(QuarantineId, Option<JobId>),
    Dispatch(&'a PauseSubject),
}

impl Store {
    /// At most `count` actions, newest first, that come after `after`.
    pub(super) async fn actions(&self, after: Option<ActionId>, count: u64) -> Result<Vec<Action>, Error> {
        let mut rows = action::Entity::find();
        if let Some(after) = after {
            rows = rows.filter(action::Column::Id.lt(after.0));
        }
        let rows = rows
            .order_by_desc(action::Column::Id)
            .limit(count)
            .all(&self.inner.read)
            .await?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// Deletes at most `count` actions before then, and returns how many.
    pub(super) async fn prune_actions(&self, count: u64, before: Timestamp) -> Result<u64, Error> {
        let old = Query::select()
            .column(action::Column::Id)
            .from(action::Entity)
            .and_where(action::Column::Time.lt(before.millis()))
            .order_by(action::Column::Time, Order::Asc)
            .limit(count)
            .to_owned();
        let deleted = action::Entity::delete_many()
            .filter(action::Column::Id.in_subquery(old))
            .exec(&self.inner.write)
            .await?;
        Ok(deleted.rows_affected)
    }
}

impl Writing {
    /// Notes what an operator does in this transaction.
    pub(super) async fn acted(
        &self,
        operator: &Operator,
        kind: ActionKind,
        subject: Subject<'_>,
        reason: &str,
    ) -> Result<(), Error> {
        let row = action::ActiveModel {
            id: Set(Uuid::now_v7()),
            time: Set(self.now().millis()),
            operator: Set(operator.as_str().to_owned()),
            kind: Set(kind.as_str().to_owned()),
            job_id: Set(subject.job().map(JobId::uuid)),
            subject: Set(subject.text()),
            reason: Set(reason.to_owned()),
        };
        action::Entity::insert(row)
            .exec_without_returning(self.tx())
            .await?;
        Ok(())
    }
}

impl ActionKind {
    /// The name in `Action.type`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Redrive => "redrive",
            Self::End => "end",
            Self::Replay => "replay",
            Self::Drop => "drop",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

impl Subject<'_> {
    const fn job(self) -> Option<JobId> {
        match self {
            Self::Job(job) => Some(job),
            Self::Message(_, job) => job,
            Self::Dispatch(_) => None,
        }
    }

    /// As `Action.subject`.
    fn text(self) -> String {
        match self {
            Self::Job(_) => String::new(),
            Self::Message(id, _) => format!("quarantine/{id}"),
            Self::Dispatch(subject) => subject.text(),
        }
    }
}

fn read(row: action::Model) -> Action {
    Action {
        id: ActionId(row.id),
        time: Timestamp::from_millis(row.time),
        operator: Operator::new(row.operator),
        kind: row.kind,
        job: row.job_id.map(JobId::from_uuid),
        subject: row.subject,
        reason: row.reason,
    }
}
