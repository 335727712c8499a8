//! The two queues as a consumer sees them. The only room that calls SQS; knows nothing of what is in the messages.

mod gather;
mod requests;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};

pub(crate) use requests::{Gathering, Requests};

/// SQS waits no longer.
const RECEIVE_WAIT_SECONDS: i32 = 20;
/// SQS hands out no more at a time.
const RECEIVE_MAX: usize = 10;
/// What a queue has had for long; also for endpoints that do not tell.
const MESSAGE_BYTES_DEFAULT: usize = 262_144;
/// Name, type and value of the attribute that goes with an outcome; they count towards a message's size.
const CONTENT_TYPE: [&str; 3] = ["Content-Type", "String", "application/json"];

type Attributes = HashMap<QueueAttributeName, String>;

/// Why a consumer does not start.
///
/// ```
/// use postern_worker::{Consumer, Error, sqs_client};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let client = sqs_client(Some("http://127.0.0.1:9324")).await;
/// let refused = Consumer::builder(client).jobs_queue("postern-jobs.fifo").build().await;
/// assert!(matches!(refused, Err(Error::Fifo { queue }) if queue == "postern-jobs.fifo"));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A queue cannot be found, or tells nothing about itself.
    #[error("queue {queue}: {}", DisplayErrorContext(.source))]
    Queue {
        /// The queue, as it was given.
        queue: String,
        /// What SQS, or the way to it, has against it.
        source: Box<aws_sdk_sqs::Error>,
    },
    /// The messages of a group would wait for each other, for as long as a handler runs.
    #[error(
        "queue {queue} is a FIFO queue; a standard queue is needed, for in a FIFO queue tasks would wait for each other"
    )]
    Fifo {
        /// The queue, as it was given.
        queue: String,
    },
    /// A task could be in the dead-letter queue before it is tried for the last time.
    #[error(
        "job type {job_type} is to be tried {receives} times here, but queue {queue} hands a task out {receives_max} times at most (maxReceiveCount)"
    )]
    TooManyRetries {
        /// The job type.
        job_type: &'static str,
        /// The tries that its policy wants, the first included.
        receives: u32,
        /// The jobs queue's URL.
        queue: String,
        /// The jobs queue's `maxReceiveCount`.
        receives_max: u32,
    },
    /// The work service cannot be called there.
    #[error("work service {url}: an http or https URL is needed")]
    WorkServiceUrl {
        /// As it was given.
        url: String,
    },
}

/// A request that SQS did not answer well, or its part of one: the text has the causes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failed(Arc<str>);

/// The jobs queue and the results queue.
#[derive(Debug)]
pub(crate) struct Queues {
    client: Client,
    jobs_url: String,
    results_url: String,
    /// How long a message is invisible from its receipt, or from the last time that it was kept so.
    visibility_seconds: i32,
    /// How often a message is handed out, where it goes to a dead-letter queue after that.
    receives_max: Option<u32>,
    /// Of the body; what the attributes take is off.
    outcome_bytes_max: usize,
}

/// A message that was received, and is invisible to others for now.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) message_id: String,
    pub(crate) body: String,
    /// How often it has been received, from 1.
    pub(crate) receive_count: u32,
    receipt: String,
}

impl Queues {
    /// Finds both queues, by name or URL, and reads what must be known of them.
    pub(crate) async fn open(client: Client, jobs: &str, results: &str) -> Result<Self, Error> {
        let jobs_url = find(&client, jobs).await?;
        let results_url = find(&client, results).await?;
        let of_jobs = attributes(&client, &jobs_url).await?;
        let of_results = attributes(&client, &results_url).await?;
        let visibility_seconds = number(&of_jobs, &QueueAttributeName::VisibilityTimeout);
        let message_bytes_max = number(&of_results, &QueueAttributeName::MaximumMessageSize);
        Ok(Self {
            client,
            jobs_url,
            results_url,
            // With none at all, every message would be everybody's at once.
            visibility_seconds: visibility_seconds.unwrap_or(30).max(1),
            receives_max: receives_max(&of_jobs),
            outcome_bytes_max: message_bytes_max
                .unwrap_or(MESSAGE_BYTES_DEFAULT)
                .saturating_sub(requests::attribute_bytes()),
        })
    }

    /// Whether a task can be received so often.
    pub(crate) fn check_receives(&self, job_type: &'static str, receives: u32) -> Result<(), Error> {
        match self.receives_max {
            Some(receives_max) if receives > receives_max => Err(Error::TooManyRetries {
                job_type,
                receives,
                queue: self.jobs_url.clone(),
                receives_max,
            }),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn visibility_timeout(&self) -> Duration {
        Duration::from_secs(self.visibility_seconds.unsigned_abs().into())
    }

    pub(crate) const fn outcome_bytes_max(&self) -> usize {
        self.outcome_bytes_max
    }

    /// What is asked of the queues in batches, and the loops that this needs.
    pub(crate) fn requests(&self) -> (Requests, Gathering) {
        requests::requests(self)
    }

    /// Waits for tasks, 20 s at most: as many as there are, up to `max` and to 10.
    pub(crate) async fn receive(&self, max: usize) -> Result<Vec<Delivery>, Failed> {
        let max = i32::try_from(max.min(RECEIVE_MAX)).expect("at most 10");
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.jobs_url)
            .max_number_of_messages(max)
            .wait_time_seconds(RECEIVE_WAIT_SECONDS)
            // Said each time, so that it is what we reckon with even when the queue's own was changed since.
            .visibility_timeout(self.visibility_seconds)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(failed)?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(delivery)
            .collect())
    }
}

impl Failed {
    /// Only at the very end: what was not sent by then was nothing to wait for.
    fn closed() -> Self {
        Self("the consumer has ended".into())
    }
}

fn failed(error: impl Into<aws_sdk_sqs::Error>) -> Failed {
    let error: aws_sdk_sqs::Error = error.into();
    Failed(DisplayErrorContext(&error).to_string().into())
}

fn delivery(message: Message) -> Option<Delivery> {
    // An endpoint that does not count leaves every attempt the first.
    let count = message
        .attributes
        .as_ref()
        .and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    Some(Delivery {
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        message_id: message.message_id?,
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle?,
    })
}

/// The URL of a queue that was given by name or URL.
async fn find(client: &Client, queue: &str) -> Result<String, Error> {
    if queue.ends_with(".fifo") {
        return Err(Error::Fifo {
            queue: queue.to_owned(),
        });
    }
    if queue.starts_with("http://") || queue.starts_with("https://") {
        return Ok(queue.to_owned());
    }
    let answer = client
        .get_queue_url()
        .queue_name(queue)
        .send()
        .await
        .map_err(|error| unusable(queue, error))?;
    Ok(answer.queue_url.unwrap_or_default())
}

async fn attributes(client: &Client, queue_url: &str) -> Result<Attributes, Error> {
    let request = client
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(QueueAttributeName::All);
    let answer = request.send().await.map_err(|error| unusable(queue_url, error))?;
    Ok(answer.attributes.unwrap_or_default())
}

fn number<T: FromStr>(attributes: &Attributes, name: &QueueAttributeName) -> Option<T> {
    attributes.get(name)?.parse().ok()
}

/// Written as a number, or as text that is one.
fn receives_max(attributes: &Attributes) -> Option<u32> {
    let policy = attributes.get(&QueueAttributeName::RedrivePolicy)?;
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let number = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    u32::try_from(number).ok()
}

fn unusable(queue: &str, error: impl Into<aws_sdk_sqs::Error>) -> Error {
    Error::Queue {
        queue: queue.to_owned(),
        source: Box::new(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_an_endpoint_that_does_not_count_is_the_first_attempt() {
        let message = Message::builder().message_id("m").receipt_handle("r").body("{}");
        assert_eq!(delivery(message.build()).unwrap().receive_count, 1);
    }
}
