//! The only room that imports the AWS SQS SDK: tasks out, outcomes in, and what they look like as JSON.
//!
//! The shapes are those of proto/messages/{task,outcome}.schema.json. Knows nothing of the database and of the API, and does not judge
//! whether an outcome is authentic.

mod body;
mod census;
mod client;
mod dead_letters;
mod examine;
mod inbox;
mod jobs;
mod outcome;
mod place;
mod results;
mod setup;
mod subject;
mod task;

pub use body::Unreadable;
pub use census::{Census, Counted, Dead, Depth, Role};
pub use dead_letters::{DeadLetterQueue, DeadLetters, Search, read_dead_letter};
pub use examine::examine;
pub use inbox::{BATCH_MAX, Received};
pub use jobs::{Jobs, SEND_TIMEOUT, SendError};
pub use outcome::{Message, read};
pub use results::{Results, Waiting};
pub use setup::{Config, Queues, create, open};
pub use subject::{Subject, Unproven};
pub use task::{Parts as TaskParts, Task};

/// What can go wrong with the queues.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQS could not be reached or refused: the same may go well later.
    #[error("sqs: {0}")]
    Sqs(String),
    /// There is no such queue.
    #[error("queue {0} does not exist")]
    Missing(String),
    /// The credentials do not suffice.
    #[error("sqs does not let this server use queue {queue}: {why}")]
    Denied {
        /// Which queue.
        queue: String,
        /// In the words of SQS.
        why: String,
    },
    /// Tasks and outcomes cannot be told apart there.
    #[error("queue {0} cannot serve for tasks and for outcomes: give each a queue of its own")]
    Shared(String),
    /// It is a FIFO queue.
    #[error(
        "queue {0} is a FIFO queue: the messages of a group would wait for each other, so one long job would stop its whole partner; use a standard queue"
    )]
    Fifo(String),
    /// It lacks an attribute that every queue has.
    #[error("queue {queue} tells no usable {attribute}")]
    Attribute {
        /// Which queue.
        queue: String,
        /// Which attribute.
        attribute: &'static str,
    },
}

impl Error {
    /// Whether waiting helps: SQS is away, or too busy. What else is wrong, somebody must put right.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Sqs(_) => true,
            Self::Missing(_)
            | Self::Denied { .. }
            | Self::Shared(_)
            | Self::Fifo(_)
            | Self::Attribute { .. } => false,
        }
    }
}

/// What is wrong with a queue that was asked for.
fn queue_error<E>(queue: &str, error: aws_sdk_sqs::error::SdkError<E>) -> Error
where
    E: std::error::Error + Send + Sync + aws_sdk_sqs::error::ProvideErrorMetadata + 'static,
{
    use aws_sdk_sqs::error::ProvideErrorMetadata as _;
    // The last is what a URL of another region, or of another service, is told.
    const MISSING: [&str; 3] = [
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "InvalidAddress",
    ];
    const DENIED: [&str; 4] = [
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    ];
    match error.code() {
        Some(code) if MISSING.contains(&code) => Error::Missing(queue.to_owned()),
        Some(code) if DENIED.contains(&code) => Error::Denied {
            queue: queue.to_owned(),
            why: error.message().unwrap_or(code).to_owned(),
        },
        Some(_) | None => sqs_error(error),
    }
}

/// The error as SQS named it, or what kept a request from reaching it: the innermost cause says most, and in a line.
#[allow(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn sqs_error<E>(error: aws_sdk_sqs::error::SdkError<E>) -> Error
where
    E: std::error::Error + Send + Sync + aws_sdk_sqs::error::ProvideErrorMetadata + 'static,
{
    use aws_sdk_sqs::error::ProvideErrorMetadata as _;
    if let (Some(code), message) = (error.code(), error.message()) {
        return Error::Sqs(format!("{code}: {}", message.unwrap_or_default()));
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Error::Sqs(format!("{error}: {cause}"))
}

/// SHA-256 of a text, in lower-case hexadecimal.
fn sha256_hex(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
