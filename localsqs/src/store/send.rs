//! Messages come in.

use sqlx::{QueryBuilder, Sqlite};

use super::{Failure, Operation, Transaction};
use crate::fault::Fault;
use crate::message::Draft;
use crate::queue::{QueueName, Settings};

/// Stores messages, at most a batch of them. Those that the queue does not take are refused one by one.
pub(crate) struct SendMessages {
    pub(crate) queue: QueueName,
    pub(crate) drafts: Vec<Draft>,
}

/// What became of each draft, in their order.
pub(crate) type Sent = Vec<Result<(), Fault>>;

impl Operation for SendMessages {
    type Output = Sent;

    async fn apply(self, transaction: &mut Transaction<'_>) -> Result<Sent, Failure> {
        let queue = transaction.queue(&self.queue).await?;
        let sent: Sent = self
            .drafts
            .iter()
            .map(|draft| check_size(draft, &queue.settings))
            .collect();
        let accepted: Vec<Draft> = self
            .drafts
            .into_iter()
            .zip(&sent)
            .filter(|(_, sent)| sent.is_ok())
            .map(|(draft, _)| draft)
            .collect();
        if accepted.is_empty() {
            return Ok(sent);
        }
        let now = transaction.now;
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO message (queue_id, visible_at_ms, sent_at_ms, message_id, message_group, trace_header, attributes, body) ",
        );
        insert.push_values(accepted, |mut row, draft| {
            let delay_seconds = draft.delay_seconds.unwrap_or(queue.settings.delay_seconds);
            let attributes = serde_json::to_string(&draft.attributes).expect("attributes have text for keys");
            row.push_bind(queue.id.0)
                .push_bind(now.plus_seconds(delay_seconds).0)
                .push_bind(now.0)
                .push_bind(draft.id)
                .push_bind(draft.group)
                .push_bind(draft.trace_header)
                .push_bind(attributes)
                .push_bind(draft.body);
        });
        insert.build().execute(&mut *transaction.sql).await?;
        transaction.changed.push(queue.id);
        Ok(sent)
    }
}

fn check_size(draft: &Draft, settings: &Settings) -> Result<(), Fault> {
    let bytes_max = settings.message_bytes_max;
    if draft.size_bytes() > bytes_max as usize {
        return Err(Fault::InvalidParameterValue(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {bytes_max} bytes."
        )));
    }
    Ok(())
}
