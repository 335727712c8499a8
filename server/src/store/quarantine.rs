//! Messages that could not be used, kept for the operator, who reads them, drops them, or has them read again.

mod id;
mod operate;
mod replay;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::entity::quarantine;
use super::{Error, Store};
use crate::job::{JobId, Timestamp};

pub use id::QuarantineId;
pub use operate::{Marked, Quarantined};
pub use replay::{Judge, Readable, Replayed};

/// A message as it came from a queue.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The queue's id of it.
    pub message_id: String,
    /// Its body.
    pub body: String,
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The queue of outcomes.
    Outcomes,
    /// The dead letters of a queue of tasks.
    DeadLetters,
}

/// A message that cannot be used.
#[derive(Debug, Clone)]
pub struct Unusable {
    /// What is kept of it.
    pub letter: Letter,
    /// Where it came from.
    pub origin: Origin,
    /// Why it cannot be used.
    pub reason: String,
    /// The job that it is about, where its token tells.
    pub job: Option<JobId>,
}

impl Store {
    /// Keeps messages that cannot be used.
    pub(super) async fn quarantine(&self, messages: &[Unusable], now: Timestamp) -> Result<(), Error> {
        let tx = self.begin().await?;
        for message in messages {
            keep(&tx, message, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Deletes at most `count` messages that were quarantined before then, and returns how many.
    pub(super) async fn prune_quarantine(&self, count: u64, before: Timestamp) -> Result<u64, Error> {
        let tx = self.begin().await?;
        let mut old = quarantine::Entity::find()
            .select_only()
            .column(quarantine::Column::Id)
            .filter(quarantine::Column::Time.lt(before.millis()))
            .order_by_asc(quarantine::Column::Time)
            .limit(count);
        if self.backend() == DbBackend::Postgres {
            old = old.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        }
        let ids: Vec<Uuid> = old.into_tuple().all(&tx).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let deleted = quarantine::Entity::delete_many()
            .filter(quarantine::Column::Id.is_in(ids))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(deleted.rows_affected)
    }
}

/// Keeps a message that cannot be used.
pub(super) async fn keep(tx: &DatabaseTransaction, message: &Unusable, now: Timestamp) -> Result<(), Error> {
    let row = quarantine::ActiveModel {
        id: Set(Uuid::now_v7()),
        time: Set(now.millis()),
        reason: Set(message.reason.clone()),
        message_id: Set(message.letter.message_id.clone()),
        body: Set(message.letter.body.as_bytes().to_vec()),
        is_dead_letter: Set(message.origin == Origin::DeadLetters),
        job_id: Set(message.job.map(JobId::uuid)),
        replay_by: Set(None),
        replay_reason: Set(None),
    };
    quarantine::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
