//! What a consumer tells of a task.

use super::{Failure, Progress};

/// Of a result as JSON.
pub const RESULT_BYTES_MAX: usize = 256 * 1024;

/// One report of a consumer about one dispatch of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which dispatch it is about.
    pub dispatch: i32,
    /// The same id twice within a job and dispatch is one event.
    pub event_id: String,
    /// The consumer's own count of tries at the task, from 1.
    pub attempt: Option<i32>,
    /// Orders STARTED and PROGRESS within an attempt.
    pub seq: Option<i64>,
    /// What happened.
    pub event: Event,
}

/// What happened to a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An execution began.
    Started,
    /// An execution has come so far.
    Progress(Option<Progress>),
    /// It is done.
    Succeeded {
        /// What the consumer returned.
        result: Option<serde_json::Map<String, serde_json::Value>>,
        /// References of files that the consumer produced, kept as they came.
        outputs: Option<serde_json::Value>,
    },
    /// It is done, with a result that cannot be kept: why.
    Unusable(String),
    /// It could not be done.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether it is worth handing out again.
        retryable: bool,
        /// How long to wait before that, where the consumer knows.
        retry_delay_millis: Option<i64>,
    },
    /// The consumer stopped, as it was asked to.
    Cancelled,
}
