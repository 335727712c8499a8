//! Why a job failed, in the terms of google.rpc.Status.

use serde::{Deserialize, Serialize};

/// The reason of a failure whose consumer gave none that can be used.
const REASON_UNKNOWN: &str = "TASK_FAILED";
/// Reasons that the server alone may give.
const REASONS_OF_THE_SERVER: [&str; 5] = [
    QUEUE_TIMEOUT,
    EXECUTION_TIMEOUT,
    DEAD_LETTERED,
    ENDED_BY_OPERATOR,
    "OUTCOME_INVALID",
];
const ENDED_BY_OPERATOR: &str = "ENDED_BY_OPERATOR";
const DEAD_LETTERED: &str = "TASK_DEAD_LETTERED";
const QUEUE_TIMEOUT: &str = "QUEUE_TIMEOUT";
const EXECUTION_TIMEOUT: &str = "EXECUTION_TIMEOUT";
const REASON_CHARS_MAX: usize = 63;

/// Why a job is FAILED or EXPIRED.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Canonical code.
    pub code: Code,
    /// For programs: `UPPER_SNAKE`, at most 63 characters.
    pub reason: String,
    /// For people, at most 2,048 bytes.
    pub message: String,
    /// Records of the payload that the consumer found fault with, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

/// One fault in a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// JSON Pointer into the request, so with the prefix `/payload`.
    pub field: String,
    /// For people.
    pub description: String,
}

impl Failure {
    /// An outcome said that the job succeeded, with a result that cannot be kept.
    #[must_use]
    pub fn outcome_invalid(why: &str) -> Self {
        Self {
            code: Code::Internal,
            reason: "OUTCOME_INVALID".to_owned(),
            message: format!("the consumer's result cannot be used: {why}"),
            violations: Vec::new(),
        }
    }

    /// Neither a start nor an outcome became known in time.
    #[must_use]
    pub fn queue_timeout() -> Self {
        Self::deadline_exceeded(
            QUEUE_TIMEOUT,
            "no start was reported in time: whether it was executed is unknown",
        )
    }

    /// An execution began, its task died, and nobody sent it again: the job waited as long as it may in the queue.
    #[must_use]
    pub fn hold_timeout() -> Self {
        Self::deadline_exceeded(
            QUEUE_TIMEOUT,
            "the task died and was not sent again in time: whether it was executed to its end is unknown",
        )
    }

    /// An execution began, and was not heard of again in time.
    #[must_use]
    pub fn execution_timeout() -> Self {
        Self::deadline_exceeded(
            EXECUTION_TIMEOUT,
            "no more was reported in time: whether it was executed to its end is unknown",
        )
    }

    fn deadline_exceeded(reason: &str, message: &str) -> Self {
        Self {
            code: Code::DeadlineExceeded,
            reason: reason.to_owned(),
            message: message.to_owned(),
            violations: Vec::new(),
        }
    }

    /// The task was handed out too often without an outcome.
    #[must_use]
    pub fn dead_lettered() -> Self {
        Self {
            code: Code::Aborted,
            reason: DEAD_LETTERED.to_owned(),
            message: "the task was handed out again and again, and never came to an outcome".to_owned(),
            violations: Vec::new(),
        }
    }

    /// An operator ended it, for this reason.
    #[must_use]
    pub fn ended_by_operator(reason: &str) -> Self {
        Self {
            code: Code::Aborted,
            reason: ENDED_BY_OPERATOR.to_owned(),
            message: reason.to_owned(),
            violations: Vec::new(),
        }
    }

    /// The reason that a consumer gave, where it is one that a consumer may give.
    #[must_use]
    pub fn reason_from_consumer(reason: Option<&str>) -> String {
        reason
            .filter(|reason| is_reason(reason) && !REASONS_OF_THE_SERVER.contains(reason))
            .unwrap_or(REASON_UNKNOWN)
            .to_owned()
    }
}

fn is_reason(text: &str) -> bool {
    text.len() <= REASON_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// The canonical error codes (google/rpc/code.proto).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "google/rpc/code.proto says it")]
pub enum Code {
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    /// The code of this canonical name, if there is one. OK is none: it is no failure.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }
}
