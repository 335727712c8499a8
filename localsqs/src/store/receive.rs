//! Messages go out: the visible ones are taken into flight, those received too often into the dead-letter queue.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::queues::Queue;
use super::{Failure, Operation, Transaction};
use crate::message::Attributes;
use crate::queue::{QueueId, QueueName};
use crate::receipt::{MessageRow, Receipt};
use crate::timestamp::Timestamp;

/// Rounds of dead letters in one receive, so that no other operation waits long. Who waits for a message comes back for
/// what is left.
const REDRIVE_ROUNDS_MAX: usize = 100;

/// Takes visible messages into flight.
#[derive(Debug, Clone)]
pub(crate) struct Receive {
    pub(crate) queue: QueueName,
    pub(crate) messages_max: u32,
    /// The queue's own, if not given.
    pub(crate) visibility_timeout_seconds: Option<u32>,
}

/// What was taken, and when to ask again if it was nothing.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) queue: QueueId,
    pub(crate) messages: Vec<ReceivedMessage>,
    /// The queue's own waiting time, for receivers that name none.
    pub(crate) wait_seconds: u32,
    /// Until the next message becomes visible, if one is hidden; not looked for when there are messages.
    pub(crate) next_visible_in: Option<std::time::Duration>,
}

/// A message in flight.
#[derive(Debug)]
pub(crate) struct ReceivedMessage {
    pub(crate) receipt: Receipt,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) group: Option<String>,
    pub(crate) trace_header: Option<String>,
    pub(crate) dead_letter_source: Option<QueueName>,
    pub(crate) sent_at: Timestamp,
    pub(crate) first_received_at: Timestamp,
}

impl Operation for Receive {
    type Output = Received;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<Received, Failure> {
        let queue = transaction.queue(&self.queue).await?;
        let rows = transaction.deliverable(&queue, self.messages_max).await?;
        let timeout_seconds = self
            .visibility_timeout_seconds
            .unwrap_or(queue.settings.visibility_timeout_seconds);
        let messages = transaction.take(&queue, &rows, timeout_seconds).await?;
        let next_visible_in = if messages.is_empty() {
            transaction.next_visible_in(&queue).await?
        } else {
            None
        };
        let wait_seconds = queue.settings.receive_wait_seconds;
        Ok(Received {
            queue: queue.id,
            messages,
            wait_seconds,
            next_visible_in,
        })
    }
}

impl Transaction<'_> {
    /// Visible messages that may be delivered, once those that were received too often are out of the way.
    async fn deliverable(&mut self, queue: &Queue, count: u32) -> Result<Vec<i64>, sqlx::Error> {
        let dead_letters = match queue
            .settings
            .redrive
            .as_ref()
            .and_then(|policy| Some((policy, policy.target()?)))
        {
            Some((policy, target)) => self
                .find(&target)
                .await?
                .map(|target| (target.id, policy.receives_max())),
            None => None,
        };
        for _ in 0..REDRIVE_ROUNDS_MAX {
            let visible = self.visible(queue, count).await?;
            let Some((target, receives_max)) = dead_letters else {
                return Ok(visible.into_iter().map(|(row, _)| row).collect());
            };
            let (dead, alive): (Vec<_>, Vec<_>) = visible
                .into_iter()
                .partition(|(_, receive_count)| *receive_count >= i64::from(receives_max));
            let rows = |messages: Vec<(i64, i64)>| -> Vec<i64> {
                messages.into_iter().map(|(row, _)| row).collect()
            };
            let is_done = dead.is_empty() || !alive.is_empty();
            self.bury(queue, &rows(dead), target).await?;
            if is_done {
                return Ok(rows(alive));
            }
        }
        self.changed.push(queue.id);
        Ok(Vec::new())
    }

    /// Row and receive count of the messages that have been visible for longest.
    async fn visible(&mut self, queue: &Queue, count: u32) -> Result<Vec<(i64, i64)>, sqlx::Error> {
        sqlx::query_as(
            "SELECT id, receive_count FROM message
             WHERE queue_id = ? AND visible_at_ms <= ? AND sent_at_ms > ? ORDER BY visible_at_ms, id LIMIT ?",
        )
        .bind(queue.id.0)
        .bind(self.now.0)
        .bind(self.now.minus_seconds(queue.settings.retention_seconds).0)
        .bind(count)
        .fetch_all(&mut *self.sql)
        .await
    }

    /// Moves messages to a dead-letter queue. They keep their ids, the time they were sent and their receive counts,
    /// as with AWS.
    async fn bury(&mut self, queue: &Queue, rows: &[i64], target: QueueId) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE message SET queue_id = ?, visible_at_ms = ?, dead_letter_source = ?
             WHERE id IN (SELECT value FROM json_each(?))",
        )
        .bind(target.0)
        .bind(self.now.0)
        .bind(queue.name.as_str())
        .bind(list(rows))
        .execute(&mut *self.sql)
        .await?;
        self.changed.push(target);
        Ok(())
    }

    async fn take(
        &mut self,
        queue: &Queue,
        rows: &[i64],
        timeout_seconds: u32,
    ) -> Result<Vec<ReceivedMessage>, sqlx::Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let taken = sqlx::query(
            "UPDATE message SET visible_at_ms = ?, receive_count = receive_count + 1,
                first_received_at_ms = coalesce(first_received_at_ms, ?)
             WHERE id IN (SELECT value FROM json_each(?)) RETURNING *",
        )
        .bind(self.now.plus_seconds(timeout_seconds).0)
        .bind(self.now.0)
        .bind(list(rows))
        .fetch_all(&mut *self.sql)
        .await?;
        let mut messages = taken
            .iter()
            .map(|row| read(row, queue.id))
            .collect::<Result<Vec<_>, _>>()?;
        messages.sort_by_key(|message| rows.iter().position(|&row| row == message.receipt.message.0));
        Ok(messages)
    }

    async fn next_visible_in(&mut self, queue: &Queue) -> Result<Option<std::time::Duration>, sqlx::Error> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT min(visible_at_ms) FROM message WHERE queue_id = ? AND visible_at_ms > ?",
        )
        .bind(queue.id.0)
        .bind(self.now.0)
        .fetch_one(&mut *self.sql)
        .await?;
        Ok(next.map(|next| Timestamp(next).since(self.now)))
    }
}

/// Rows as a JSON array, the one way to bind a list.
fn list(rows: &[i64]) -> String {
    serde_json::to_string(rows).expect("numbers are JSON")
}

fn read(row: &SqliteRow, queue: QueueId) -> Result<ReceivedMessage, sqlx::Error> {
    let attributes: String = row.try_get("attributes")?;
    let receipt = Receipt {
        queue,
        message: MessageRow(row.try_get("id")?),
        receive_count: row.try_get("receive_count")?,
    };
    Ok(ReceivedMessage {
        receipt,
        id: row.try_get("message_id")?,
        body: row.try_get("body")?,
        attributes: serde_json::from_str(&attributes).map_err(|error| sqlx::Error::Decode(error.into()))?,
        group: row.try_get("message_group")?,
        trace_header: row.try_get("trace_header")?,
        dead_letter_source: row
            .try_get::<Option<String>, _>("dead_letter_source")?
            .map(QueueName::stored),
        sent_at: Timestamp(row.try_get("sent_at_ms")?),
        first_received_at: Timestamp(row.try_get("first_received_at_ms")?),
    })
}
