//! The queue of outcomes: what comes in, and what waits.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;

use super::inbox::{Inbox, Received};
use super::{Error, sqs_error};

/// The queue of outcomes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Results(Inbox);

/// What waits in the queue of outcomes, as far as SQS knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Messages that wait, or that somebody has received and not yet deleted.
    pub messages: u64,
    /// After so long a message that was received, and not deleted, comes again.
    pub visibility_timeout: Duration,
}

impl Results {
    pub(super) const fn new(inbox: Inbox) -> Self {
        Self(inbox)
    }

    /// At most ten messages; waits so long for the first, 20 s at most.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn receive(&self, wait: Duration) -> Result<Vec<Received>, Error> {
        self.0.receive(wait).await
    }

    /// Deletes messages. Those that SQS keeps come again: it returns how many.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn delete(&self, receipts: &[String]) -> Result<usize, Error> {
        self.0.delete(receipts).await
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
        let place = self.0.place();
        let reply = place
            .client()
            .get_queue_attributes()
            .queue_url(place.url().await?)
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
                    queue: place.name().to_owned(),
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
}
