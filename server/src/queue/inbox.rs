//! A queue that is read: receives and deletes in batches.

use std::time::Duration;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName};

use super::place::Place;
use super::{Error, sqs_error};
use crate::job::Timestamp;

/// Messages in a request, of SQS.
pub const BATCH_MAX: usize = 10;
/// Of SQS.
const WAIT_SECONDS_MAX: u64 = 20;

/// A queue that is read. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Inbox(Place);

/// A message as it came. It comes again unless it is deleted.
#[derive(Debug, Clone)]
pub struct Received {
    /// The queue's id of the message.
    pub message_id: String,
    /// What deletes it.
    pub receipt: String,
    /// Its body as it came.
    pub body: String,
    /// When it was sent, where the queue tells.
    pub sent: Option<Timestamp>,
}

impl Inbox {
    pub(super) const fn new(place: Place) -> Self {
        Self(place)
    }

    pub(super) const fn place(&self) -> &Place {
        &self.0
    }

    /// At most ten messages; waits so long for the first, 20 s at most.
    pub(super) async fn receive(&self, wait: Duration) -> Result<Vec<Received>, Error> {
        let reply = self
            .0
            .client()
            .receive_message()
            .queue_url(self.0.url().await?)
            .max_number_of_messages(i32::try_from(BATCH_MAX).expect("10"))
            .wait_time_seconds(i32::try_from(wait.as_secs().min(WAIT_SECONDS_MAX)).expect("20 at most"))
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(sqs_error)?;
        Ok(reply
            .messages
            .unwrap_or_default()
            .into_iter()
            .map(received)
            .collect())
    }

    /// Deletes messages. Those that SQS keeps come again: it returns how many.
    pub(super) async fn delete(&self, receipts: &[String]) -> Result<usize, Error> {
        let entries = receipts
            .iter()
            .enumerate()
            .map(|(index, receipt)| {
                let entry = DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(receipt);
                entry.build().expect("id and receipt are set")
            })
            .collect();
        let reply = self
            .0
            .client()
            .delete_message_batch()
            .queue_url(self.0.url().await?)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(sqs_error)?;
        Ok(reply.failed().len())
    }
}

fn received(message: aws_sdk_sqs::types::Message) -> Received {
    let sent = message
        .attributes()
        .and_then(|attributes| attributes.get(&MessageSystemAttributeName::SentTimestamp));
    let sent = sent
        .and_then(|millis| millis.parse().ok())
        .map(Timestamp::from_millis);
    Received {
        message_id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        sent,
    }
}
