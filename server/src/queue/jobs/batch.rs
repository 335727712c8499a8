//! Batches of tasks for one queue: what fits into a request, and what came of each.

use std::time::Duration;

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

use super::{FIND_TIMEOUT, SEND_TIMEOUT, SendError};
use crate::queue::place::Place;
use crate::queue::{BATCH_MAX, Error, Task, queue_error, sha256_hex};

/// Of SQS.
const GROUP_CHARS_MAX: usize = 128;
const STRING: &str = "String";
/// SQS takes a batch in milliseconds, however long it makes receivers wait: a request that takes longer than this is made anew.
const SEND_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Splits tasks, in order, into batches that SQS takes: ten messages, and so many bytes in all, attributes included.
pub(super) fn cut(tasks: Vec<(usize, Task)>, bytes_max: usize) -> Vec<Vec<(usize, Task)>> {
    let mut batches: Vec<Vec<(usize, Task)>> = Vec::new();
    let mut bytes = 0;
    for (index, task) in tasks {
        let size = size(&task);
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_MAX && bytes + size <= bytes_max => {
                bytes += size;
                batch.push((index, task));
            }
            _ => {
                bytes = size;
                batches.push(vec![(index, task)]);
            }
        }
    }
    batches
}

/// Sends tasks in one request. The message id of each, or why it has none, in the same order.
pub(super) async fn send(place: &Place, tasks: Vec<Task>) -> Vec<Result<String, SendError>> {
    let count = tasks.len();
    let unavailable = |error: Error| vec![Err(SendError::Unavailable(error.to_string())); count];
    let entries = tasks
        .into_iter()
        .enumerate()
        .map(|(index, task)| entry(index, task))
        .collect();
    let url = match place.url().await {
        Ok(url) => url,
        Err(error) => return unavailable(error),
    };
    let reply = match place
        .client()
        .send_message_batch()
        .queue_url(url)
        .set_entries(Some(entries))
        .customize()
        .config_override(aws_sdk_sqs::Config::builder().timeout_config(timeouts()))
        .send()
        .await
    {
        Ok(reply) => reply,
        Err(error) => return unavailable(queue_error(place.name(), error)),
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

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(SEND_ATTEMPT_TIMEOUT)
        .operation_timeout(SEND_TIMEOUT.saturating_sub(FIND_TIMEOUT))
        .build()
}

/// What a message counts: its body, and each attribute's name, type and value.
fn size(task: &Task) -> usize {
    let attribute = |(name, value): (&str, &str)| name.len() + STRING.len() + value.len();
    task.body.len() + task.attributes().map(attribute).sum::<usize>()
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
        .data_type(STRING)
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
            queue: None,
            partner: "p".to_owned(),
            traceparent: String::new(),
            body: "x".repeat(bytes),
        }
    }

    #[test]
    fn batches_hold_ten_messages_and_as_many_bytes_as_fit_with_their_attributes() {
        let sizes = |tasks: &[usize], bytes_max| {
            cut(tasks.iter().copied().map(task).enumerate().collect(), bytes_max)
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>()
        };
        let attributes = size(&task(0));
        assert_eq!(
            attributes,
            "typeStringT".len() + "Content-TypeStringapplication/json".len()
        );
        assert_eq!(sizes(&[1; 23], 1_048_576), [10, 10, 3]);
        assert_eq!(sizes(&[1000; 5], 3 * (1000 + attributes)), [3, 2]);
        assert_eq!(sizes(&[1000; 5], 3 * (1000 + attributes) - 1), [2, 2, 1]);
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
