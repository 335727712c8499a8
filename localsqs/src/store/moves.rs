//! Move tasks: dead letters go back to where they came from, or to a queue that is named.
//!
//! A task goes on in parts, so that nobody waits long behind it, for as long as somebody asks for the next one. What is moved
//! is a new message, as with AWS: it has another id and begins its life anew.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::queues::{Queue, all};
use super::{Failure, Operation, Transaction};
use crate::fault::Fault;
use crate::queue::{QueueId, QueueName};
use crate::timestamp::Timestamp;

/// Moved in one transaction.
const PART_MAX: u32 = 100;
/// What is remembered of one source; AWS lists as many.
const TASKS_MAX: u32 = 10;

/// A task: unique for all time within a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MoveId(pub(crate) i64);

/// Begins a task, which moves nothing yet.
pub(crate) struct BeginMove {
    pub(crate) source: QueueName,
    /// Where each message came from, if not given.
    pub(crate) destination: Option<QueueName>,
    pub(crate) per_second_max: Option<u32>,
}

impl Operation for BeginMove {
    type Output = MoveId;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<MoveId, Failure> {
        let source = transaction.source(&self.source).await?;
        if let Some(destination) = &self.destination {
            if *destination == self.source {
                return Err(refused("Source queue and destination queue cannot be the same."));
            }
            let found = transaction.find(destination).await?;
            found.ok_or_else(|| Fault::no_resource("DestinationArn"))?;
        }
        if transaction.sources_of(&self.source).await?.is_empty() {
            return Err(refused("Source queue must be configured as a Dead Letter Queue."));
        }
        if transaction.is_moving(source.id).await? {
            return Err(refused(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        let to_move = transaction.movable(&source).await?;
        let begun = sqlx::query(
            "INSERT INTO move_task (queue_id, destination, per_second_max, status, to_move, started_at_ms)
             VALUES (?, ?, ?, 'RUNNING', ?, ?)",
        )
        .bind(source.id.0)
        .bind(self.destination.as_ref().map(QueueName::as_str))
        .bind(self.per_second_max)
        .bind(to_move)
        .bind(transaction.now.0)
        .execute(&mut *transaction.sql)
        .await?;
        transaction.forget_old_moves(source.id).await?;
        Ok(MoveId(begun.last_insert_rowid()))
    }
}

/// Moves the next part of a task, and tells whether there is another.
pub(crate) struct MovePart {
    pub(crate) source: QueueName,
    pub(crate) task: MoveId,
}

impl Operation for MovePart {
    type Output = bool;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<bool, Failure> {
        let source = transaction.source(&self.source).await?;
        let Some(task) = transaction
            .task(source.id, self.task)
            .await?
            .filter(Move::is_running)
        else {
            return Ok(false);
        };
        let count = PART_MAX.min(u32::try_from(task.to_move - task.moved).unwrap_or(0));
        let part = transaction
            .part(&source, task.destination.as_ref(), count)
            .await?;
        for &(message, target) in &part {
            transaction.renew(message, target).await?;
            transaction.changed.push(target);
        }
        let moved = task.moved + i64::try_from(part.len()).unwrap_or(0);
        let is_done = part.is_empty() || moved >= task.to_move;
        let failure = match is_done && moved < task.to_move && transaction.movable(&source).await? > 0 {
            false => None,
            true if task.destination.is_some() => Some("AWS.SimpleQueueService.NonExistentQueue"),
            true => Some("CouldNotDetermineMessageSource"),
        };
        let status = match (is_done, failure) {
            (false, _) => "RUNNING",
            (true, None) => "COMPLETED",
            (true, Some(_)) => "FAILED",
        };
        sqlx::query("UPDATE move_task SET moved = ?, status = ?, failure = ? WHERE id = ?")
            .bind(moved)
            .bind(status)
            .bind(failure)
            .bind(self.task.0)
            .execute(&mut *transaction.sql)
            .await?;
        Ok(!is_done)
    }
}

/// Ends a task before its time, and tells how many messages it has moved.
pub(crate) struct CancelMove {
    pub(crate) source: QueueName,
    pub(crate) task: MoveId,
}

impl Operation for CancelMove {
    type Output = i64;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<i64, Failure> {
        let source = transaction.source(&self.source).await?;
        let task = transaction.task(source.id, self.task).await?;
        let Some(task) = task.filter(Move::is_running) else {
            return Err(Fault::ResourceNotFound("Task does not exist.".into()).into());
        };
        sqlx::query("UPDATE move_task SET status = 'CANCELLED' WHERE id = ?")
            .bind(self.task.0)
            .execute(&mut *transaction.sql)
            .await?;
        Ok(task.moved)
    }
}

/// The last tasks of a source, the newest first.
pub(crate) struct ListMoves {
    pub(crate) source: QueueName,
    pub(crate) limit: u32,
}

impl Operation for ListMoves {
    type Output = Vec<Move>;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<Vec<Move>, Failure> {
        let source = transaction.source(&self.source).await?;
        let rows = sqlx::query("SELECT * FROM move_task WHERE queue_id = ? ORDER BY id DESC LIMIT ?")
            .bind(source.id.0)
            .bind(self.limit)
            .fetch_all(&mut *transaction.sql)
            .await?;
        Ok(rows.iter().map(Move::read).collect::<Result<_, _>>()?)
    }
}

/// A task as it is stored.
pub(crate) struct Move {
    pub(crate) id: MoveId,
    pub(crate) destination: Option<QueueName>,
    pub(crate) per_second_max: Option<u32>,
    /// In the words of SQS.
    pub(crate) status: String,
    pub(crate) failure: Option<String>,
    pub(crate) moved: i64,
    pub(crate) to_move: i64,
    pub(crate) started_at: Timestamp,
}

impl Move {
    pub(crate) fn is_running(&self) -> bool {
        self.status == "RUNNING"
    }

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: MoveId(row.try_get("id")?),
            destination: row
                .try_get::<Option<String>, _>("destination")?
                .map(QueueName::stored),
            per_second_max: row.try_get("per_second_max")?,
            status: row.try_get("status")?,
            failure: row.try_get("failure")?,
            moved: row.try_get("moved")?,
            to_move: row.try_get("to_move")?,
            started_at: Timestamp(row.try_get("started_at_ms")?),
        })
    }
}

/// The names of the queues whose dead letters go to this one, in their order.
pub(crate) struct ListSources(pub(crate) QueueName);

impl Operation for ListSources {
    type Output = Vec<QueueName>;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<Vec<QueueName>, Failure> {
        transaction.queue(&self.0).await?;
        Ok(transaction.sources_of(&self.0).await?)
    }
}

impl Transaction<'_> {
    async fn source(&mut self, name: &QueueName) -> Result<Queue, Failure> {
        let found = self.find(name).await?;
        Ok(found.ok_or_else(|| Fault::no_resource("SourceArn"))?)
    }

    async fn sources_of(&mut self, target: &QueueName) -> Result<Vec<QueueName>, sqlx::Error> {
        let leads_there = |queue: &Queue| {
            let policy = queue.settings.redrive.as_ref();
            policy.and_then(|policy| policy.target()).as_ref() == Some(target)
        };
        let mut names: Vec<_> = all(self)
            .await?
            .into_iter()
            .filter(leads_there)
            .map(|queue| queue.name)
            .collect();
        names.sort();
        Ok(names)
    }

    async fn is_moving(&mut self, source: QueueId) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM move_task WHERE queue_id = ? AND status = 'RUNNING')",
        )
        .bind(source.0)
        .fetch_one(&mut *self.sql)
        .await
    }

    async fn task(&mut self, source: QueueId, task: MoveId) -> Result<Option<Move>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM move_task WHERE id = ? AND queue_id = ?")
            .bind(task.0)
            .bind(source.0)
            .fetch_optional(&mut *self.sql)
            .await?;
        row.as_ref().map(Move::read).transpose()
    }

    async fn forget_old_moves(&mut self, source: QueueId) -> Result<(), sqlx::Error> {
        sqlx::query(
            "DELETE FROM move_task WHERE queue_id = ?1 AND id NOT IN (
                SELECT id FROM move_task WHERE queue_id = ?1 ORDER BY id DESC LIMIT ?2)",
        )
        .bind(source.0)
        .bind(TASKS_MAX)
        .execute(&mut *self.sql)
        .await?;
        Ok(())
    }

    /// How many messages lie in a queue that nobody has received.
    async fn movable(&mut self, source: &Queue) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT count(*) FROM message WHERE queue_id = ? AND visible_at_ms <= ? AND sent_at_ms > ?",
        )
        .bind(source.id.0)
        .bind(self.now.0)
        .bind(self.now.minus_seconds(source.settings.retention_seconds).0)
        .fetch_one(&mut *self.sql)
        .await
    }

    /// Rows of such messages, each with the queue it goes to. One whose queue is gone, or that nobody knows the source of, stays.
    async fn part(
        &mut self,
        source: &Queue,
        destination: Option<&QueueName>,
        count: u32,
    ) -> Result<Vec<(i64, QueueId)>, sqlx::Error> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT message.id, target.id FROM message
             JOIN queue AS target ON target.name = coalesce(?, message.dead_letter_source)
             WHERE message.queue_id = ? AND visible_at_ms <= ? AND sent_at_ms > ? ORDER BY message.id LIMIT ?",
        )
        .bind(destination.map(QueueName::as_str))
        .bind(source.id.0)
        .bind(self.now.0)
        .bind(self.now.minus_seconds(source.settings.retention_seconds).0)
        .bind(count)
        .fetch_all(&mut *self.sql)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(message, target)| (message, QueueId(target)))
            .collect())
    }

    /// Puts a new message in the place of this one. It is a row of its own: no handle of the old one may mean it.
    async fn renew(&mut self, message: i64, target: QueueId) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO message (queue_id, visible_at_ms, sent_at_ms, message_id, message_group, trace_header, attributes, body)
             SELECT ?1, ?2, ?2, ?3, message_group, trace_header, attributes, body FROM message WHERE id = ?4",
        )
        .bind(target.0)
        .bind(self.now.0)
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(message)
        .execute(&mut *self.sql)
        .await?;
        sqlx::query("DELETE FROM message WHERE id = ?")
            .bind(message)
            .execute(&mut *self.sql)
            .await?;
        Ok(())
    }
}

fn refused(reason: &str) -> Failure {
    Fault::InvalidParameterValue(reason.to_owned()).into()
}
