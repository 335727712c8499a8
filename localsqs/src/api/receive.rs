//! `ReceiveMessage`, long polls included.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Duration, Instant, sleep_until};

use super::parameters::{read, whole, within};
use super::{Api, nothing};
use crate::fault::Fault;
use crate::line::Line;
use crate::message::{md5_of_attributes, md5_of_body, select};
use crate::queue::{ACCOUNT, QueueName, arn};
use crate::store::{Receive, Received, ReceivedMessage};
use crate::wire::Caller;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    #[serde(default)]
    queue_url: String,
    #[serde(default, deserialize_with = "whole")]
    max_number_of_messages: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    visibility_timeout: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    wait_time_seconds: Option<i64>,
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
}

/// What of a message its receiver asked for.
struct Wanted {
    system_attributes: Vec<String>,
    attributes: Vec<String>,
    region: String,
}

impl Api {
    pub(super) async fn receive_message(&self, parameters: Value, caller: &Caller) -> Result<Value, Fault> {
        let request: ReceiveMessage = read(parameters)?;
        let receive = Receive {
            queue: QueueName::from_url(&request.queue_url)?,
            messages_max: within(
                "MaxNumberOfMessages",
                request.max_number_of_messages.unwrap_or(1),
                1..=10,
            )?,
            visibility_timeout_seconds: optional("VisibilityTimeout", request.visibility_timeout, 43_200)?,
        };
        let wait_seconds = optional("WaitTimeSeconds", request.wait_time_seconds, 20)?;
        let wanted = Wanted::parse(request, caller)?;
        let mut received = self.store.run(receive.clone()).await?;
        let wait_seconds = wait_seconds.unwrap_or(received.wait_seconds);
        if received.messages.is_empty() && wait_seconds > 0 {
            let deadline = Instant::now() + Duration::from_secs(wait_seconds.into());
            received.messages = self.wait(receive, &received, deadline).await?;
        }
        if received.messages.is_empty() {
            return Ok(nothing());
        }
        Ok(
            json!({ "Messages": received.messages.into_iter().map(|message| wanted.of(message)).collect::<Vec<_>>() }),
        )
    }

    /// Waits in line for messages until the deadline or the end of the endpoint.
    async fn wait(
        &self,
        receive: Receive,
        first: &Received,
        deadline: Instant,
    ) -> Result<Vec<ReceivedMessage>, Fault> {
        let Ok(_permit) = self.waiting.try_acquire() else {
            return Err(Fault::RequestThrottled);
        };
        let line: Arc<Line> = self.lines.of(first.queue);
        let _head = tokio::select! {
            head = line.head.lock() => head,
            () = sleep_until(deadline) => return Ok(Vec::new()),
            () = self.shutdown.cancelled() => return Ok(Vec::new()),
        };
        loop {
            let changed = line.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            // Never cut short: messages taken for an answer that nobody reads would stay hidden for their timeout.
            let received = self.store.run(receive.clone()).await?;
            if !received.messages.is_empty() {
                return Ok(received.messages);
            }
            let next = received
                .next_visible_in
                .map_or(deadline, |wait| deadline.min(Instant::now() + wait));
            tokio::select! {
                () = changed => {}
                () = sleep_until(next) => {}
                () = self.shutdown.cancelled() => return Ok(Vec::new()),
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
        }
    }
}

impl Wanted {
    /// Names of system attributes that may be asked for; the last three are those of FIFO queues.
    const SYSTEM_ATTRIBUTES: [&'static str; 10] = [
        "All",
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "MessageGroupId",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
        "MessageDeduplicationId",
        "SequenceNumber",
    ];

    fn parse(request: ReceiveMessage, caller: &Caller) -> Result<Self, Fault> {
        let mut system_attributes = request.attribute_names.unwrap_or_default();
        system_attributes.extend(request.message_system_attribute_names.unwrap_or_default());
        if let Some(unknown) = system_attributes
            .iter()
            .find(|name| !Self::SYSTEM_ATTRIBUTES.contains(&name.as_str()))
        {
            return Err(Fault::InvalidAttributeName(unknown.clone()));
        }
        let attributes = request.message_attribute_names.unwrap_or_default();
        Ok(Self {
            system_attributes,
            attributes,
            region: caller.region.clone(),
        })
    }

    fn of(&self, message: ReceivedMessage) -> Value {
        let mut answer = json!({
            "MessageId": message.id,
            "ReceiptHandle": message.receipt.encode(),
            "MD5OfBody": md5_of_body(&message.body),
        });
        let system_attributes = self.system_attributes(&message);
        if !system_attributes.is_empty() {
            answer["Attributes"] = system_attributes.into();
        }
        let attributes = select(message.attributes, &self.attributes);
        if let Some(digest) = md5_of_attributes(&attributes) {
            answer["MD5OfMessageAttributes"] = digest.into();
            answer["MessageAttributes"] = json!(attributes);
        }
        answer["Body"] = message.body.into();
        answer
    }

    fn system_attributes(&self, message: &ReceivedMessage) -> Map<String, Value> {
        let source = message.dead_letter_source.as_ref();
        [
            ("SenderId", Some(ACCOUNT.to_owned())),
            ("SentTimestamp", Some(message.sent_at.0.to_string())),
            (
                "ApproximateReceiveCount",
                Some(message.receipt.receive_count.to_string()),
            ),
            (
                "ApproximateFirstReceiveTimestamp",
                Some(message.first_received_at.0.to_string()),
            ),
            ("MessageGroupId", message.group.clone()),
            ("AWSTraceHeader", message.trace_header.clone()),
            (
                "DeadLetterQueueSourceArn",
                source.map(|source| arn(&self.region, source)),
            ),
        ]
        .into_iter()
        .filter(|(name, _)| {
            self.system_attributes
                .iter()
                .any(|wanted| wanted == "All" || wanted == name)
        })
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
        .collect()
    }
}

fn optional(name: &'static str, number: Option<i64>, max: u32) -> Result<Option<u32>, Fault> {
    number.map(|number| within(name, number, 0..=max)).transpose()
}
