//! Ends jobs whose deadlines have passed, a batch at a time.

use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::entity::job;
use super::history::Entry;
use super::write::Outbox;
use super::{Error, Store, row};
use crate::job::{JobId, State, Timestamp};

/// Which jobs may be ended because nobody told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    /// Their deadlines have passed by this time.
    pub deadline: Timestamp,
    /// They were accepted at this time or later.
    pub created: Option<Timestamp>,
}

impl Store {
    /// Ends at most `count` jobs that are overdue, and returns how many. What another transaction has locked is left to it, or to the next
    /// call.
    pub(super) async fn expire(&self, overdue: Overdue, count: u64, now: Timestamp) -> Result<u64, Error> {
        // Found first, past the one writer: of many that are late all may have to wait.
        let ids: Vec<Uuid> = late(overdue)
            .select_only()
            .column(job::Column::Id)
            .limit(count)
            .into_tuple()
            .all(&self.inner.read)
            .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let mut writing = self.write(now).await?;
        let mut still_late = late(overdue).filter(job::Column::Id.is_in(ids));
        if self.backend() == DbBackend::Postgres {
            still_late = still_late.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        }
        let mut expired = 0;
        for row in still_late.all(writing.tx()).await? {
            let id = JobId::from_uuid(row.id);
            let mut job = match row::read(row) {
                Ok(job) => job,
                Err(error) => {
                    tracing::error!(job.id = %id, %error, "an overdue job cannot be read and is left for now");
                    continue;
                }
            };
            if let Some(kind) = job.expire(now) {
                let entry = Entry { kind, detail: "" };
                writing.changed(&job, Outbox::Done, Some(entry)).await?;
                expired += 1;
            }
        }
        self.commit(writing).await?;
        Ok(expired)
    }

    /// The earliest deadline of a job that has not ended.
    pub(super) async fn next_deadline(&self) -> Result<Option<Timestamp>, Error> {
        let next: Option<i64> = open_by_deadline()
            .select_only()
            .column(job::Column::Deadline)
            .limit(1)
            .into_tuple()
            .one(&self.inner.read)
            .await?;
        Ok(next.map(Timestamp::from_millis))
    }
}

/// Of jobs that can expire those that may.
fn late(overdue: Overdue) -> Select<job::Entity> {
    let late = open_by_deadline().filter(job::Column::Deadline.lte(overdue.deadline.millis()));
    match overdue.created {
        Some(created) => late.filter(job::Column::CreateTime.gte(created.millis())),
        None => late,
    }
}

/// Jobs that can expire. That they have no end is what the index goes by; a state that this server does not know is another's to end.
fn open_by_deadline() -> Select<job::Entity> {
    let open = [State::Queued, State::Running].map(row::state_number);
    job::Entity::find()
        .filter(job::Column::EndTime.is_null())
        .filter(job::Column::State.is_in(open))
        .order_by_asc(job::Column::Deadline)
}
