//! Reads messages of the quarantine again: as if they had just arrived, but that what is still unusable stays where it is.
//!
//! A message is applied and leaves the quarantine in one commit, under a lock of its row: it is used once, whatever crashes and however many
//! servers are at it.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ModelTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{Letter, Origin, QuarantineId, Unusable};
use crate::job::{DeadLetterPolicy, EventKind, Job, JobId, Operator, RetryPolicy, Timestamp};
use crate::store::apply::{Came, Report, Verdict, apply};
use crate::store::dead_letters::{DeadTask, bury};
use crate::store::entity::quarantine;
use crate::store::history::{self, Entry};
use crate::store::write::Writing;
use crate::store::{Error, Store};

/// Who reads messages, and says what holds for their jobs: what collect and sweep do with those that arrive.
pub trait Judge: Sync {
    /// What a message is.
    ///
    /// # Errors
    /// When it cannot be used.
    fn read(&self, letter: Letter, origin: Origin) -> Result<Readable, Unusable>;

    /// What holds for a failure of a job as it is now.
    fn retry_policy(&self, job: &Job) -> RetryPolicy;

    /// What is to become of a job as it is now whose task is among the dead letters.
    fn dead_letter_policy(&self, job: &Job) -> DeadLetterPolicy;
}

/// A message that can be read.
#[derive(Debug)]
pub enum Readable {
    /// An authentic outcome.
    Outcome(Box<Report>),
    /// An authentic task that was received too often.
    DeadTask(DeadTask),
}

/// What came of a message that was read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It was used, and is gone.
    Used,
    /// It stays, for this reason.
    Unusable(String),
}

impl Store {
    /// At most `count` messages that are to be read again, oldest first.
    pub(in crate::store) async fn replays(&self, count: u64) -> Result<Vec<QuarantineId>, Error> {
        let ids: Vec<Uuid> = quarantine::Entity::find()
            .select_only()
            .column(quarantine::Column::Id)
            .filter(quarantine::Column::ReplayBy.is_not_null())
            .order_by_asc(quarantine::Column::Id)
            .limit(count)
            .into_tuple()
            .all(&self.inner.read)
            .await?;
        Ok(ids.into_iter().map(QuarantineId::from_uuid).collect())
    }

    /// Reads a message again. None where another server is at it, or it is not to be any more.
    pub(in crate::store) async fn replay(
        &self,
        id: QuarantineId,
        judge: &dyn Judge,
        now: Timestamp,
    ) -> Result<Option<Replayed>, Error> {
        let mut writing = self.write(now).await?;
        let Some(row) = take(writing.tx(), id).await? else {
            return Ok(None);
        };
        let read = match judge.read(letter(&row)?, origin(&row)) {
            Ok(message) => {
                note(&writing, &row, Some(message.job())).await?;
                once_more(&mut writing, message, judge).await?
            }
            Err(unusable) => {
                note(&writing, &row, unusable.job).await?;
                Err(unusable)
            }
        };
        let replayed = match read {
            Ok(()) => {
                row.delete(writing.tx()).await?;
                Replayed::Used
            }
            Err(unusable) => {
                stay(writing.tx(), id, &unusable).await?;
                Replayed::Unusable(unusable.reason)
            }
        };
        self.commit(writing).await?;
        Ok(Some(replayed))
    }

    /// Leaves a message where it is, which the database refuses to have read again.
    pub(in crate::store) async fn give_up_replay(&self, id: QuarantineId, reason: &str) -> Result<(), Error> {
        let tx = self.begin().await?;
        if let Some(row) = take(&tx, id).await? {
            let row = quarantine::ActiveModel {
                reason: Set(reason.to_owned()),
                ..unmarked(row.id)
            };
            row.update(&tx).await?;
        }
        Ok(tx.commit().await?)
    }
}

impl Readable {
    fn job(&self) -> JobId {
        match self {
            Self::Outcome(report) => report.job,
            Self::DeadTask(task) => task.job,
        }
    }
}

/// The message, if it is to be read again and nobody else is at it.
async fn take(tx: &DatabaseTransaction, id: QuarantineId) -> Result<Option<quarantine::Model>, Error> {
    let mut row =
        quarantine::Entity::find_by_id(id.uuid()).filter(quarantine::Column::ReplayBy.is_not_null());
    if tx.get_database_backend() == DbBackend::Postgres {
        row = row.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Ok(row.one(tx).await?)
}

/// Who wished it, in the history of the job that the message is about.
async fn note(writing: &Writing, row: &quarantine::Model, job: Option<JobId>) -> Result<(), Error> {
    let (Some(job), Some(operator)) = (job, &row.replay_by) else {
        return Ok(());
    };
    let Some(locked) = writing.lock(job).await? else {
        return Ok(());
    };
    let entry = Entry {
        kind: EventKind::MessageReplayed,
        detail: row.replay_reason.as_deref().unwrap_or_default(),
    };
    // What comes of the message, its consumer has told.
    let operator = Operator::new(operator);
    history::add(writing.tx(), &locked.job, entry, Some(&operator), writing.now()).await
}

/// Applies a message; or says why it still cannot be used.
async fn once_more(
    writing: &mut Writing,
    message: Readable,
    judge: &dyn Judge,
) -> Result<Result<(), Unusable>, Error> {
    match message {
        Readable::Outcome(report) => {
            let retry = |job: &Job| judge.retry_policy(job);
            Ok(match apply(writing, &report, &retry).await? {
                Came::JobUnknown => Err(report.without_job()),
                // What cannot be used of it is kept, however often it is read.
                Came::Changed | Came::Nothing => report.unusable().map_or(Ok(()), Err),
            })
        }
        Readable::DeadTask(task) => {
            let policy = |job: &Job| judge.dead_letter_policy(job);
            Ok(match bury(writing, &task, &policy).await? {
                Verdict::JobUnknown => Err(task.without_job()),
                Verdict::Settled => Ok(()),
            })
        }
    }
}

/// It is not to be read again until somebody asks for it anew.
async fn stay(tx: &DatabaseTransaction, id: QuarantineId, unusable: &Unusable) -> Result<(), Error> {
    let row = quarantine::ActiveModel {
        reason: Set(unusable.reason.clone()),
        body: Set(unusable.letter.body.as_bytes().to_vec()),
        job_id: Set(unusable.job.map(JobId::uuid)),
        ..unmarked(id.uuid())
    };
    row.update(tx).await?;
    Ok(())
}

fn unmarked(id: Uuid) -> quarantine::ActiveModel {
    quarantine::ActiveModel {
        id: Unchanged(id),
        replay_by: Set(None),
        replay_reason: Set(None),
        ..Default::default()
    }
}

fn letter(row: &quarantine::Model) -> Result<Letter, Error> {
    Ok(Letter {
        message_id: row.message_id.clone(),
        body: String::from_utf8(row.body.clone()).map_err(|_invalid| Error::Corrupt("body"))?,
    })
}

const fn origin(row: &quarantine::Model) -> Origin {
    if row.is_dead_letter {
        Origin::DeadLetters
    } else {
        Origin::Outcomes
    }
}
