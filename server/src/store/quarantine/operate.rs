//! What operators read of the quarantine, and do about it.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{Expr, Func, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    FromQueryResult, ModelTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::QuarantineId;
use crate::job::{EventKind, JobId, Operator, Timestamp};
use crate::store::action::{ActionKind, Subject};
use crate::store::entity::quarantine;
use crate::store::history::Entry;
use crate::store::{Error, Store};

/// A message in the quarantine, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its name.
    pub id: QuarantineId,
    /// Since when it is there.
    pub time: Timestamp,
    /// Why it could not be used.
    pub reason: String,
    /// The queue's id of it.
    pub message_id: String,
    /// The job that it is about, where its token tells.
    pub job: Option<JobId>,
    /// How many bytes its body has; none where it was not to be kept.
    pub size_bytes: u64,
    /// Whether it is to be read again, and was not yet.
    pub is_replaying: bool,
}

/// What came of the wish to have a message read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// It is read again soon.
    Due(Quarantined),
    /// Its body was not kept.
    Empty,
}

impl Store {
    /// At most `count` messages, newest first, that come after `after`.
    pub(in crate::store) async fn quarantined_messages(
        &self,
        after: Option<QuarantineId>,
        count: u64,
    ) -> Result<Vec<Quarantined>, Error> {
        let mut rows = without_bodies();
        if let Some(after) = after {
            rows = rows.filter(quarantine::Column::Id.lt(after.uuid()));
        }
        let rows = rows
            .order_by_desc(quarantine::Column::Id)
            .limit(count)
            .into_model::<Row>()
            .all(&self.inner.read)
            .await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// A message with its body.
    pub(in crate::store) async fn quarantined_whole(
        &self,
        id: QuarantineId,
    ) -> Result<Option<(Quarantined, Vec<u8>)>, Error> {
        let found = quarantine::Entity::find_by_id(id.uuid())
            .one(&self.inner.read)
            .await?;
        Ok(found.map(|row| (quarantined(&row), row.body)))
    }

    /// Marks a message to be read again; nothing where it is marked already. None where it is not there.
    pub(in crate::store) async fn mark_for_replay(
        &self,
        operator: &Operator,
        id: QuarantineId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Marked>, Error> {
        let writing = self.write_as(operator, now).await?;
        let Some(row) = lock(writing.tx(), id).await? else {
            return Ok(None);
        };
        let mut message = quarantined(&row);
        if row.body.is_empty() {
            self.commit(writing).await?;
            return Ok(Some(Marked::Empty));
        }
        if !message.is_replaying {
            let mark = quarantine::ActiveModel {
                id: Unchanged(row.id),
                replay_by: Set(Some(operator.as_str().to_owned())),
                replay_reason: Set(Some(reason.to_owned())),
                ..Default::default()
            };
            mark.update(writing.tx()).await?;
            let subject = Subject::Message(id, message.job);
            writing
                .acted(operator, ActionKind::Replay, subject, reason)
                .await?;
            message.is_replaying = true;
        }
        self.commit(writing).await?;
        self.signals().tell_replay();
        Ok(Some(Marked::Due(message)))
    }

    /// Deletes a message for good, and tells whether it was there.
    pub(in crate::store) async fn drop_quarantined(
        &self,
        operator: &Operator,
        id: QuarantineId,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let writing = self.write_as(operator, now).await?;
        let Some(row) = lock(writing.tx(), id).await? else {
            return Ok(false);
        };
        let job = row.job_id.map(JobId::from_uuid);
        if let Some(job) = job
            && let Some(locked) = writing.lock(job).await?
        {
            let entry = Entry {
                kind: EventKind::MessageDropped,
                detail: reason,
            };
            writing.noted(&locked.job, entry).await?;
        }
        writing
            .acted(operator, ActionKind::Drop, Subject::Message(id, job), reason)
            .await?;
        row.delete(writing.tx()).await?;
        self.commit(writing).await?;
        Ok(true)
    }
}

/// The message, which is the transaction's own from now on.
async fn lock(tx: &DatabaseTransaction, id: QuarantineId) -> Result<Option<quarantine::Model>, Error> {
    let mut row = quarantine::Entity::find_by_id(id.uuid());
    if tx.get_database_backend() == DbBackend::Postgres {
        row = row.lock(LockType::Update);
    }
    Ok(row.one(tx).await?)
}

/// A row but for its body.
#[derive(Debug, FromQueryResult)]
struct Row {
    id: Uuid,
    time: i64,
    reason: String,
    message_id: String,
    job_id: Option<Uuid>,
    replay_by: Option<String>,
    size_bytes: i32,
}

fn without_bodies() -> Select<quarantine::Entity> {
    use quarantine::Column;
    let size_bytes = Func::cust("length").arg(Expr::col(Column::Body));
    quarantine::Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::Time,
            Column::Reason,
            Column::MessageId,
            Column::JobId,
            Column::ReplayBy,
        ])
        .column_as(Expr::expr(size_bytes), "size_bytes")
}

impl Row {
    fn read(self) -> Result<Quarantined, Error> {
        Ok(Quarantined {
            id: QuarantineId::from_uuid(self.id),
            time: Timestamp::from_millis(self.time),
            reason: self.reason,
            message_id: self.message_id,
            job: self.job_id.map(JobId::from_uuid),
            size_bytes: u64::try_from(self.size_bytes).map_err(|_negative| Error::Corrupt("size"))?,
            is_replaying: self.replay_by.is_some(),
        })
    }
}

fn quarantined(row: &quarantine::Model) -> Quarantined {
    Quarantined {
        id: QuarantineId::from_uuid(row.id),
        time: Timestamp::from_millis(row.time),
        reason: row.reason.clone(),
        message_id: row.message_id.clone(),
        job: row.job_id.map(JobId::from_uuid),
        size_bytes: row.body.len() as u64,
        is_replaying: row.replay_by.is_some(),
    }
}
