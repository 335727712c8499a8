//! What a consumer asks of the queues again and again: to take outcomes, to keep, hide and delete tasks; all in batches.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageAttributeValue, SendMessageBatchRequestEntry,
};

use super::gather::{Batch, Desk, Gatherer, gather};
use super::{CONTENT_TYPE, Delivery, Failed, Queues, failed};

/// Makes requests, with those of others.
#[derive(Debug)]
pub(crate) struct Requests {
    outcomes: Desk<String>,
    deletions: Desk<Receipt>,
    visibility: Desk<(Receipt, Seconds)>,
    /// How long a message is kept invisible.
    visibility_seconds: Seconds,
}

/// The loops that requests need.
#[derive(Debug)]
pub(crate) struct Gathering {
    outcomes: Gatherer<Outcomes>,
    deletions: Gatherer<Deletions>,
    visibility: Gatherer<Visibility>,
}

/// Ten receipts are far below what SQS takes.
const SIZE_DOES_NOT_MATTER: usize = usize::MAX;

type Receipt = String;
type Seconds = i32;

/// Outcomes for the results queue.
#[derive(Debug)]
struct Outcomes {
    client: Client,
    queue_url: String,
}

/// Tasks that are dealt with.
#[derive(Debug)]
struct Deletions {
    client: Client,
    queue_url: String,
}

/// How long tasks are to be invisible from now.
#[derive(Debug)]
struct Visibility {
    client: Client,
    queue_url: String,
}

/// What goes to these queues, and the loops behind it.
pub(super) fn requests(queues: &Queues) -> (Requests, Gathering) {
    let client = || queues.client.clone();
    let (jobs_url, results_url) = (|| queues.jobs_url.clone(), queues.results_url.clone());
    let sending = Outcomes {
        client: client(),
        queue_url: results_url,
    };
    let deleting = Deletions {
        client: client(),
        queue_url: jobs_url(),
    };
    let changing = Visibility {
        client: client(),
        queue_url: jobs_url(),
    };
    // What a queue takes as one message it takes as a batch, too.
    let (to_outcomes, outcomes) = gather(sending, queues.outcome_bytes_max + attribute_bytes());
    let (to_deletions, deletions) = gather(deleting, SIZE_DOES_NOT_MATTER);
    let (to_visibility, visibility) = gather(changing, SIZE_DOES_NOT_MATTER);
    let requests = Requests {
        outcomes: to_outcomes,
        deletions: to_deletions,
        visibility: to_visibility,
        visibility_seconds: queues.visibility_seconds,
    };
    let gathering = Gathering {
        outcomes,
        deletions,
        visibility,
    };
    (requests, gathering)
}

/// What the attributes of an outcome add to its size.
pub(super) fn attribute_bytes() -> usize {
    CONTENT_TYPE.iter().map(|part| part.len()).sum()
}

impl Requests {
    /// Sends an outcome. When it returns well, SQS has it.
    pub(crate) async fn send(&self, outcome: String) -> Result<(), Failed> {
        let bytes = outcome.len() + attribute_bytes();
        self.outcomes.ask(outcome, bytes).await
    }

    /// The same, but in a request of its own: what was refused together may be taken one by one, for example where an endpoint takes less in a batch
    /// than in a message.
    pub(crate) async fn send_alone(&self, outcome: String) -> Result<(), Failed> {
        self.outcomes.ask(outcome, usize::MAX).await
    }

    /// Removes a message: its task is dealt with.
    pub(crate) async fn delete(&self, delivery: &Delivery) -> Result<(), Failed> {
        self.deletions.ask(delivery.receipt.clone(), 0).await
    }

    /// Keeps a message invisible for another visibility timeout from now.
    pub(crate) async fn keep(&self, delivery: &Delivery) -> Result<(), Failed> {
        let change = (delivery.receipt.clone(), self.visibility_seconds);
        self.visibility.ask(change, 0).await
    }

    /// Makes a message visible after this time, for whoever comes next: at once with none, and otherwise in whole seconds, rounded up.
    pub(crate) async fn hide(&self, delivery: &Delivery, time: Duration) -> Result<(), Failed> {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let seconds = Seconds::try_from(seconds).unwrap_or(Seconds::MAX);
        self.visibility.ask((delivery.receipt.clone(), seconds), 0).await
    }
}

impl Gathering {
    /// Makes requests for as long as it is awaited.
    pub(crate) async fn run(self) -> Infallible {
        let (never, _, _) = tokio::join!(self.outcomes.run(), self.deletions.run(), self.visibility.run());
        match never {}
    }
}

impl Batch for Outcomes {
    type Entry = String;

    async fn send(&self, outcomes: Vec<String>) -> Result<Vec<(usize, Failed)>, Failed> {
        let [name, data_type, value] = CONTENT_TYPE;
        let json = MessageAttributeValue::builder()
            .data_type(data_type)
            .string_value(value)
            .build()
            .expect("it has a type");
        let entry = |(place, body): (usize, String)| {
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string());
            let entry = entry.message_body(body).message_attributes(name, json.clone());
            entry.build().expect("it has an id and a body")
        };
        let count = outcomes.len();
        let entries = outcomes.into_iter().enumerate().map(entry).collect();
        let request = self.client.send_message_batch().queue_url(&self.queue_url);
        let answer = request.set_entries(Some(entries)).send().await.map_err(failed)?;
        let done = answer.successful.iter().map(|entry| entry.id());
        Ok(failures(count, done, &answer.failed))
    }
}

impl Batch for Deletions {
    type Entry = Receipt;

    async fn send(&self, receipts: Vec<Receipt>) -> Result<Vec<(usize, Failed)>, Failed> {
        let entry = |(place, receipt): (usize, Receipt)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
            entry
                .receipt_handle(receipt)
                .build()
                .expect("it has an id and a receipt")
        };
        let count = receipts.len();
        let entries = receipts.into_iter().enumerate().map(entry).collect();
        let request = self.client.delete_message_batch().queue_url(&self.queue_url);
        let answer = request.set_entries(Some(entries)).send().await.map_err(failed)?;
        let done = answer.successful.iter().map(|entry| entry.id());
        Ok(failures(count, done, &answer.failed))
    }
}

impl Batch for Visibility {
    type Entry = (Receipt, Seconds);

    async fn send(&self, changes: Vec<(Receipt, Seconds)>) -> Result<Vec<(usize, Failed)>, Failed> {
        let entry = |(place, (receipt, seconds)): (usize, (Receipt, Seconds))| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
            let entry = entry.receipt_handle(receipt).visibility_timeout(seconds);
            entry.build().expect("it has an id and a receipt")
        };
        let count = changes.len();
        let entries = changes.into_iter().enumerate().map(entry).collect();
        let request = self.client.change_message_visibility_batch();
        let request = request.queue_url(&self.queue_url).set_entries(Some(entries));
        let answer = request.send().await.map_err(failed)?;
        let done = answer.successful.iter().map(|entry| entry.id());
        Ok(failures(count, done, &answer.failed))
    }
}

/// The ids are places in the batch, of so many. What the answer does not speak of was not done, as far as anybody knows.
fn failures<'a>(
    count: usize,
    done: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<(usize, Failed)> {
    let unspoken = Failed("sqs did not say what became of it".into());
    let mut failures: BTreeMap<usize, Failed> = (0..count).map(|place| (place, unspoken.clone())).collect();
    for place in done.filter_map(|id| id.parse().ok()) {
        failures.remove(&place);
    }
    for entry in failed {
        let text = format!("{}: {}", entry.code(), entry.message().unwrap_or_default());
        if let Ok(place) = entry.id().parse() {
            failures.insert(place, Failed(text.into()));
        }
    }
    failures.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_does_not_say_was_done_has_failed() {
        let throttled = BatchResultErrorEntry::builder()
            .id("1")
            .code("Throttled")
            .sender_fault(false)
            .build()
            .unwrap();
        let failures = failures(4, ["0", "2", "no place"].into_iter(), &[throttled]);
        let texts: Vec<_> = failures
            .iter()
            .map(|(place, it)| (*place, it.to_string()))
            .collect();
        assert_eq!(
            texts,
            [
                (1, "Throttled: ".to_owned()),
                (3, "sqs did not say what became of it".to_owned())
            ]
        );
    }
}
