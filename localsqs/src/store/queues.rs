//! Queues: created, found, listed, changed, purged, deleted.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Failure, Operation, Transaction};
use crate::fault::Fault;
use crate::queue::{QueueId, QueueName, RedrivePolicy, Settings};
use crate::timestamp::Timestamp;

/// One purge a minute is allowed.
const PURGE_PERIOD_SECONDS: u32 = 60;

/// Makes a queue, unless there is one that is the same in all that is asked for.
pub(crate) struct CreateQueue {
    pub(crate) name: QueueName,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Operation for CreateQueue {
    type Output = ();

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        if let Some(existing) = transaction.find(&self.name).await? {
            let is_same = existing.settings.clone().with(&self.attributes)? == existing.settings;
            return if is_same {
                Ok(())
            } else {
                Err(Fault::QueueNameExists.into())
            };
        }
        let settings = Settings::default().with(&self.attributes)?;
        transaction
            .check_redrive(settings.redrive.as_ref(), &self.name)
            .await?;
        sqlx::query("INSERT INTO queue (name, settings, created_at_ms, modified_at_ms) VALUES (?, ?, ?, ?)")
            .bind(self.name.as_str())
            .bind(to_json(&settings))
            .bind(transaction.now.0)
            .bind(transaction.now.0)
            .execute(&mut *transaction.sql)
            .await?;
        Ok(())
    }
}

/// Succeeds if there is such a queue.
pub(crate) struct FindQueue(pub(crate) QueueName);

impl Operation for FindQueue {
    type Output = ();

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        transaction.queue(&self.0).await.map(drop)
    }
}

/// Names in their order, behind `after`.
pub(crate) struct ListQueues {
    pub(crate) prefix: String,
    pub(crate) after: String,
    pub(crate) limit: u32,
}

impl Operation for ListQueues {
    type Output = Vec<QueueName>;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<Vec<QueueName>, Failure> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM queue WHERE name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?",
        )
        .bind(self.after)
        .bind(self.prefix.clone())
        .bind(self.prefix)
        .bind(self.limit)
        .fetch_all(&mut *transaction.sql)
        .await?;
        Ok(names.into_iter().map(QueueName::stored).collect())
    }
}

/// All there is to know of a queue.
pub(crate) struct ViewQueue(pub(crate) QueueName);

/// A queue and how many messages it has in which state.
pub(crate) struct QueueView {
    pub(crate) queue: Queue,
    pub(crate) visible: i64,
    pub(crate) in_flight: i64,
    pub(crate) delayed: i64,
}

impl Operation for ViewQueue {
    type Output = QueueView;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<QueueView, Failure> {
        let queue = transaction.queue(&self.0).await?;
        let now = transaction.now;
        let (visible, in_flight, delayed) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE visible_at_ms <= ?1),
                    count(*) FILTER (WHERE visible_at_ms > ?1 AND receive_count > 0),
                    count(*) FILTER (WHERE visible_at_ms > ?1 AND receive_count = 0)
             FROM message WHERE queue_id = ?2 AND sent_at_ms > ?3",
        )
        .bind(now.0)
        .bind(queue.id.0)
        .bind(now.minus_seconds(queue.settings.retention_seconds).0)
        .fetch_one(&mut *transaction.sql)
        .await?;
        Ok(QueueView {
            queue,
            visible,
            in_flight,
            delayed,
        })
    }
}

/// Changes some attributes.
pub(crate) struct SetSettings {
    pub(crate) name: QueueName,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Operation for SetSettings {
    type Output = ();

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        let queue = transaction.queue(&self.name).await?;
        let settings = queue.settings.with(&self.attributes)?;
        transaction
            .check_redrive(settings.redrive.as_ref(), &self.name)
            .await?;
        sqlx::query("UPDATE queue SET settings = ?, modified_at_ms = ? WHERE id = ?")
            .bind(to_json(&settings))
            .bind(transaction.now.0)
            .bind(queue.id.0)
            .execute(&mut *transaction.sql)
            .await?;
        // A longer retention or another redrive policy may bring messages to light.
        transaction.changed.push(queue.id);
        Ok(())
    }
}

/// Removes all messages, those in flight included.
pub(crate) struct PurgeQueue(pub(crate) QueueName);

impl Operation for PurgeQueue {
    type Output = ();

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        let queue = transaction.queue(&self.0).await?;
        let now = transaction.now;
        if queue
            .purged_at
            .is_some_and(|purged_at| now < purged_at.plus_seconds(PURGE_PERIOD_SECONDS))
        {
            return Err(Fault::PurgeQueueInProgress(self.0.as_str().to_owned()).into());
        }
        sqlx::query("DELETE FROM message WHERE queue_id = ?")
            .bind(queue.id.0)
            .execute(&mut *transaction.sql)
            .await?;
        sqlx::query("UPDATE queue SET purged_at_ms = ? WHERE id = ?")
            .bind(now.0)
            .bind(queue.id.0)
            .execute(&mut *transaction.sql)
            .await?;
        Ok(())
    }
}

/// Removes a queue with its messages.
pub(crate) struct DeleteQueue(pub(crate) QueueName);

impl Operation for DeleteQueue {
    type Output = ();

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        let queue = transaction.queue(&self.0).await?;
        sqlx::query("DELETE FROM queue WHERE id = ?")
            .bind(queue.id.0)
            .execute(&mut *transaction.sql)
            .await?;
        // Whoever waits for its messages is told that there is no such queue.
        transaction.changed.push(queue.id);
        Ok(())
    }
}

/// A queue as it is stored.
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) name: QueueName,
    pub(crate) settings: Settings,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
    purged_at: Option<Timestamp>,
}

impl Queue {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let settings: String = row.try_get("settings")?;
        Ok(Self {
            id: QueueId(row.try_get("id")?),
            name: QueueName::stored(row.try_get("name")?),
            settings: serde_json::from_str(&settings).map_err(|error| sqlx::Error::Decode(error.into()))?,
            created_at: Timestamp(row.try_get("created_at_ms")?),
            modified_at: Timestamp(row.try_get("modified_at_ms")?),
            purged_at: row.try_get::<Option<i64>, _>("purged_at_ms")?.map(Timestamp),
        })
    }
}

impl Transaction<'_> {
    pub(super) async fn find(&mut self, name: &QueueName) -> Result<Option<Queue>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM queue WHERE name = ?")
            .bind(name.as_str())
            .fetch_optional(&mut *self.sql)
            .await?;
        row.as_ref().map(Queue::read).transpose()
    }

    pub(super) async fn queue(&mut self, name: &QueueName) -> Result<Queue, Failure> {
        self.find(name)
            .await?
            .ok_or(Failure::Refused(Fault::QueueDoesNotExist))
    }

    /// A dead-letter queue has to be there when it is named, and cannot be the queue itself: its messages would go
    /// round for ever. (Whether it still is there is looked at again when messages go to it.)
    async fn check_redrive(
        &mut self,
        policy: Option<&RedrivePolicy>,
        source: &QueueName,
    ) -> Result<(), Failure> {
        let Some(policy) = policy else { return Ok(()) };
        let target = policy.target();
        let reason = match target {
            Some(target) if target == *source => "A queue cannot be its own dead letter target",
            Some(target) if self.find(&target).await?.is_some() => return Ok(()),
            Some(_) | None => "Dead letter target does not exist",
        };
        Err(RedrivePolicy::refused(&policy.to_json(), reason).into())
    }
}

pub(super) async fn all(transaction: &mut Transaction<'_>) -> Result<Vec<Queue>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM queue")
        .fetch_all(&mut *transaction.sql)
        .await?;
    rows.iter().map(Queue::read).collect()
}

fn to_json(settings: &Settings) -> String {
    serde_json::to_string(settings).expect("settings are numbers and strings")
}
