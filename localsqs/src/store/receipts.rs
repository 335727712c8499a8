//! What receivers do with messages in flight: delete them, or change for how long they stay hidden.

use super::{Failure, Operation, Transaction};
use crate::fault::Fault;
use crate::queue::{QueueId, QueueName};
use crate::receipt::Receipt;

/// What became of each entry, in their order.
pub(crate) type Applied = Vec<Result<(), Fault>>;

/// Deletes messages, at most a batch of them. A receipt that is stale (the message was received again since) or whose
/// message is gone deletes nothing and is no error, as with AWS.
pub(crate) struct Delete {
    pub(crate) queue: QueueName,
    pub(crate) receipts: Vec<Receipt>,
}

impl Operation for Delete {
    type Output = Applied;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<Applied, Failure> {
        let queue = transaction.queue(&self.queue).await?.id;
        let mut applied = Applied::with_capacity(self.receipts.len());
        for receipt in self.receipts {
            applied.push(check_queue(receipt, queue));
            if applied.last().is_some_and(Result::is_ok) {
                transaction.delete(receipt).await?;
            }
        }
        Ok(applied)
    }
}

/// Hides messages for so many seconds from now, at most a batch of them; zero shows them at once.
pub(crate) struct ChangeVisibility {
    pub(crate) queue: QueueName,
    pub(crate) changes: Vec<(Receipt, u32)>,
}

impl Operation for ChangeVisibility {
    type Output = Applied;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<Applied, Failure> {
        let queue = transaction.queue(&self.queue).await?.id;
        let mut applied = Applied::with_capacity(self.changes.len());
        for (receipt, seconds) in self.changes {
            applied.push(match check_queue(receipt, queue) {
                Ok(()) => transaction.hide(receipt, seconds).await?,
                Err(fault) => Err(fault),
            });
        }
        // Even a longer timeout matters to who waits: the moment to look again is another one.
        transaction.changed.push(queue);
        Ok(applied)
    }
}

fn check_queue(receipt: Receipt, queue: QueueId) -> Result<(), Fault> {
    if receipt.queue == queue {
        Ok(())
    } else {
        Err(Fault::ReceiptHandleIsInvalid)
    }
}

impl Transaction<'_> {
    async fn delete(&mut self, receipt: Receipt) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM message WHERE id = ? AND queue_id = ? AND receive_count = ?")
            .bind(receipt.message.0)
            .bind(receipt.queue.0)
            .bind(receipt.receive_count)
            .execute(&mut *self.sql)
            .await?;
        Ok(())
    }

    async fn hide(&mut self, receipt: Receipt, seconds: u32) -> Result<Result<(), Fault>, sqlx::Error> {
        let visible_at: Option<i64> = sqlx::query_scalar(
            "SELECT visible_at_ms FROM message WHERE id = ? AND queue_id = ? AND receive_count = ?",
        )
        .bind(receipt.message.0)
        .bind(receipt.queue.0)
        .bind(receipt.receive_count)
        .fetch_optional(&mut *self.sql)
        .await?;
        match visible_at {
            None => return Ok(Err(gone(receipt))),
            Some(visible_at) if visible_at <= self.now.0 => return Ok(Err(Fault::MessageNotInflight)),
            Some(_) => {}
        }
        sqlx::query("UPDATE message SET visible_at_ms = ? WHERE id = ?")
            .bind(self.now.plus_seconds(seconds).0)
            .bind(receipt.message.0)
            .execute(&mut *self.sql)
            .await?;
        Ok(Ok(()))
    }
}

fn gone(receipt: Receipt) -> Fault {
    Fault::out_of_range(
        receipt.encode(),
        "ReceiptHandle",
        "Message does not exist or is not available for visibility timeout change",
    )
}
