//! The queue of outcomes: receives and deletes in batches.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName};

use super::{Error, sqs_error};
use crate::job::Timestamp;

/// Of SQS.
const BATCH_MAX: i32 = 10;
const WAIT: Duration = Duration::from_secs(20);

/// The queue of outcomes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Results {
    client: Client,
    url: String,
}

/// A message of the queue of outcomes. It comes again unless it is deleted.
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

/// What waits in the queue of outcomes, as far as SQS knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Messages that wait, or that somebody has received and not yet deleted.
    pub messages: u64,
    /// After so long a message that was received, and not deleted, comes again.
    pub visibility_timeout: Duration,
}

impl Results {
    pub(super) const fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// At most ten messages; waits up to 20 s for the first.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn receive(&self) -> Result<Vec<Received>, Error> {
        let reply = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH_MAX)
            .wait_time_seconds(i32::try_from(WAIT.as_secs()).expect("20"))
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

    /// How much waits in the queue.
    ///
    /// # Errors
    /// When SQS does not answer, or not with what was asked.
    pub async fn waiting(&self) -> Result<Waiting, Error> {
        use QueueAttributeName as Name;
        const COUNTS: [Name; 3] = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let reply = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(COUNTS.to_vec()))
            .attribute_names(Name::VisibilityTimeout)
            .send()
            .await
            .map_err(sqs_error)?;
        let read = |name: &Name, text: &'static str| {
            let value = reply.attributes().and_then(|attributes| attributes.get(name));
            value
                .and_then(|value| value.parse().ok())
                .ok_or_else(|| Error::Attribute {
                    queue: self.url.clone(),
                    attribute: text,
                })
        };
        let mut messages = 0;
        for count in &COUNTS {
            messages += read(count, "count of messages")?;
        }
        Ok(Waiting {
            messages,
            visibility_timeout: Duration::from_secs(read(&Name::VisibilityTimeout, "VisibilityTimeout")?),
        })
    }

    /// Deletes messages. Those that SQS keeps come again: it returns how many.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn delete(&self, receipts: &[String]) -> Result<usize, Error> {
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
            .client
            .delete_message_batch()
            .queue_url(&self.url)
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
