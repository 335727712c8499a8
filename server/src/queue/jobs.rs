//! The queue of tasks: sends in batches, and tells of every task what came of it.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

use super::{Task, sha256_hex, sqs_error};

/// Of SQS.
const BATCH_MAX: usize = 10;
/// Room for attributes and their names within a message.
const ATTRIBUTES_BYTES: usize = 1024;
const GROUP_CHARS_MAX: usize = 128;
/// SQS takes a batch in milliseconds, however long it makes receivers wait: a request that takes longer than this is made anew.
const SEND_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// With all its attempts, a send is over by then. Claims of tasks are leased for longer, so that nobody else sends what may still be on its way; and
/// what a server had claimed that is gone is sent by another no sooner.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// The queue of tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    client: Client,
    url: String,
    message_bytes_max: usize,
}

/// Why a task was not sent, or perhaps it was: sending it again is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// The queue could not be reached, or could not take it: the same may go well later.
    #[error("{0}")]
    Unavailable(String),
    /// The queue refused this task for what it is, while it may take others.
    #[error("refused: {0}")]
    Refused(String),
}

impl Jobs {
    pub(super) const fn new(client: Client, url: String, message_bytes_max: usize) -> Self {
        Self {
            client,
            url,
            message_bytes_max,
        }
    }

    /// How many bytes of JSON a payload may have: the rest of a message is for what goes with it.
    #[must_use]
    pub const fn payload_bytes_max(&self) -> usize {
        self.message_bytes_max / 4 * 3
    }

    /// Sends tasks in as few requests as fit, at once. The message id of each, or why it has none, in the same order.
    pub async fn send(&self, tasks: Vec<Task>) -> Vec<Result<String, SendError>> {
        let sent = batches(tasks, self.message_bytes_max)
            .into_iter()
            .map(|batch| self.send_batch(batch));
        futures::future::join_all(sent)
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn send_batch(&self, tasks: Vec<Task>) -> Vec<Result<String, SendError>> {
        let count = tasks.len();
        let entries = tasks
            .into_iter()
            .enumerate()
            .map(|(index, task)| entry(index, task))
            .collect();
        let reply = match self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .customize()
            .config_override(aws_sdk_sqs::Config::builder().timeout_config(timeouts()))
            .send()
            .await
        {
            Ok(reply) => reply,
            Err(error) => return vec![Err(SendError::Unavailable(sqs_error(error).to_string())); count],
        };
        // A batch can fail in part, and an entry that is not spoken of was not sent.
        let unknown = SendError::Unavailable("sqs did not say what became of the message".to_owned());
        let mut results = vec![Err(unknown); count];
        for failed in reply.failed() {
            if let Some(result) = failed
                .id()
                .parse()
                .ok()
                .and_then(|index: usize| results.get_mut(index))
            {
                let why = format!("{}: {}", failed.code(), failed.message().unwrap_or_default());
                *result = Err(if failed.sender_fault() {
                    SendError::Refused(why)
                } else {
                    SendError::Unavailable(why)
                });
            }
        }
        for sent in reply.successful() {
            if let Some(result) = sent
                .id()
                .parse()
                .ok()
                .and_then(|index: usize| results.get_mut(index))
            {
                *result = Ok(sent.message_id().to_owned());
            }
        }
        results
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(SEND_ATTEMPT_TIMEOUT)
        .operation_timeout(SEND_TIMEOUT)
        .build()
}

/// Splits tasks, in order, into batches that SQS takes: ten messages, and together no larger than one may be.
fn batches(tasks: Vec<Task>, bytes_max: usize) -> Vec<Vec<Task>> {
    let mut batches: Vec<Vec<Task>> = Vec::new();
    let mut bytes = 0;
    for task in tasks {
        let size = task.body.len() + ATTRIBUTES_BYTES;
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_MAX && bytes + size <= bytes_max => {
                bytes += size;
                batch.push(task);
            }
            _ => {
                bytes = size;
                batches.push(vec![task]);
            }
        }
    }
    batches
}

fn entry(index: usize, task: Task) -> SendMessageBatchRequestEntry {
    let attributes = task
        .attributes()
        .map(|(name, value)| (name.to_owned(), text(value)))
        .collect();
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_group_id(group(&task.partner))
        .set_message_attributes(Some(attributes))
        .message_body(task.body)
        .build()
        .expect("id and body are set")
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
        .expect("the type is set")
}

/// The partner's group: its id where SQS takes it, its hash otherwise.
fn group(partner: &str) -> String {
    let fits = partner.len() <= GROUP_CHARS_MAX && partner.bytes().all(|b| b.is_ascii_graphic());
    if fits && !partner.is_empty() {
        return partner.to_owned();
    }
    sha256_hex(partner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(bytes: usize) -> Task {
        Task {
            consumer_type: "T".to_owned(),
            partner: "p".to_owned(),
            traceparent: String::new(),
            body: "x".repeat(bytes),
        }
    }

    #[test]
    fn batches_hold_ten_messages_and_no_more_bytes_than_one_message_may_have() {
        let sizes = |tasks: &[usize], bytes_max| {
            batches(tasks.iter().copied().map(task).collect(), bytes_max)
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[1; 23], 1_048_576), [10, 10, 3]);
        assert_eq!(sizes(&[1000; 5], 3 * (1000 + ATTRIBUTES_BYTES)), [3, 2]);
        assert_eq!(sizes(&[6000, 6000, 100], 10_000), [1, 2]);
        assert_eq!(sizes(&[], 10_000), [0; 0]);
    }

    #[test]
    fn a_group_is_the_partner_or_its_hash_where_sqs_would_not_take_it() {
        assert_eq!(group("acme"), "acme");
        assert_eq!(group(&"a".repeat(129)).len(), 64);
        assert_eq!(group("münchen").len(), 64);
    }
}
