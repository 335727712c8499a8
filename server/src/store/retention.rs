//! Deletes what has been kept long enough, a batch at a time.

use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::job;
use super::{Error, Store};
use crate::job::{JobId, PartnerId, Timestamp};

impl Store {
    /// Deletes at most `count` jobs whose purge time has come, with all that belongs to them, and returns how many.
    pub(super) async fn purge(&self, count: u64, now: Timestamp) -> Result<u64, Error> {
        let mut writing = self.write(now).await?;
        let mut old = job::Entity::find()
            .select_only()
            .column(job::Column::PartnerId)
            .column(job::Column::Id)
            .filter(job::Column::PurgeTime.lte(now.millis()))
            .order_by_asc(job::Column::PurgeTime)
            .limit(count);
        if self.backend() == DbBackend::Postgres {
            // A late outcome may be at it.
            old = old.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        }
        let rows: Vec<(String, Uuid)> = old.into_tuple().all(writing.tx()).await?;
        let jobs = rows
            .into_iter()
            .map(|(partner, id)| (PartnerId::new(partner), JobId::from_uuid(id)));
        let deleted = writing.deleted(jobs.collect()).await?;
        self.commit(writing).await?;
        Ok(deleted)
    }
}
