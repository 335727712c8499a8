//! Removes messages past their retention period. Receivers never see them anyhow; this frees their space.

use super::Transaction;
use super::queues::all;

/// Removed from one queue in one transaction, so that nobody waits long behind it.
const REMOVED_MAX: i64 = 1_000;

pub(super) async fn sweep(transaction: &mut Transaction<'_>) -> Result<(), sqlx::Error> {
    for queue in all(transaction).await? {
        let sent_before = transaction.now.minus_seconds(queue.settings.retention_seconds);
        sqlx::query(
            "DELETE FROM message WHERE id IN (
                SELECT id FROM message WHERE queue_id = ? AND sent_at_ms <= ? LIMIT ?)",
        )
        .bind(queue.id.0)
        .bind(sent_before.0)
        .bind(REMOVED_MAX)
        .execute(&mut *transaction.sql)
        .await?;
    }
    Ok(())
}
