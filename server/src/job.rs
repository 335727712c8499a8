//! What a job is and what it may become: pure, and the one place with state transitions.
//!
//! Knows nothing of SQL, SQS or gRPC, and has no clock: every transition is told what time it is.

mod cancel;
mod conclude;
mod dead_letter;
mod expire;
mod failure;
mod id;
mod outcome;
mod progress;
mod retry;
mod state;
mod text;
mod timestamp;
mod transition;
mod work;

pub use cancel::Cancellation;
pub use conclude::Conclusion;
pub use dead_letter::{DeadLetter, DeadLetterPolicy, Redrive};
pub use failure::{Code, Failure, Violation};
pub use id::{InvalidId, JobId, Operator, PartnerId};
pub use outcome::{Event, Outcome, RESULT_BYTES_MAX};
pub use progress::Progress;
pub use retry::NotRetried;
pub use state::{EventKind, State};
pub use text::kept;
pub use timestamp::{Timestamp, millis};
pub use transition::{Applied, Ignored, RetryPolicy};
pub use work::{Decision, Execution};

use std::collections::BTreeMap;

/// A piece of work that a partner has asked for, without its payload and result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Who asked for it, and alone may see it.
    pub partner: PartnerId,
    /// The catalog's name of the kind of work.
    pub job_type: String,
    /// The version of the job type that accepted the payload.
    pub job_type_version: String,
    /// Where it stands.
    pub state: State,
    /// 1 at first; rises with every change that a reader could see.
    pub revision: i32,
    /// How many times it has been handed out, from 1.
    pub dispatch: i32,
    /// The newest try at the current dispatch that is known to have begun, where the consumer counts them.
    pub attempt: Option<i32>,
    /// The newest position within that attempt, where the consumer numbers its reports.
    pub seq: Option<i64>,
    /// What it waits for, where the task of its dispatch lies among the dead letters.
    pub dead_letter: Option<DeadLetter>,
    /// Whether a cancellation was asked for.
    pub cancel_requested: bool,
    /// The partner's own marks.
    pub labels: BTreeMap<String, String>,
    /// The idempotency key.
    pub request_id: Option<String>,
    /// The job that this one retries.
    pub retried_from: Option<JobId>,
    /// The job that retries this one.
    pub retried_by: Option<JobId>,
    /// What the consumer last told of its progress.
    pub progress: Option<Progress>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was accepted.
    pub create_time: Timestamp,
    /// When the revision last rose.
    pub update_time: Timestamp,
    /// When the current execution began.
    pub start_time: Option<Timestamp>,
    /// When it became terminal.
    pub end_time: Option<Timestamp>,
    /// When it expires unless something happens first.
    pub deadline: Timestamp,
    /// When all that belongs to it is deleted. Set once terminal.
    pub purge_time: Option<Timestamp>,
    /// How long its clocks run.
    pub timeouts: Timeouts,
}

/// The clocks of a job, fixed when it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From submission or re-queueing until a start or an outcome is known.
    pub queue_millis: i64,
    /// From a start, restarted by progress.
    pub execution_millis: i64,
    /// From the terminal state until the purge.
    pub retention_millis: i64,
}

impl Job {
    /// A job that has just been accepted: QUEUED, revision 1, to be handed out for the first time.
    #[must_use]
    pub const fn new(id: JobId, partner: PartnerId, timeouts: Timeouts, now: Timestamp) -> Self {
        Self {
            id,
            partner,
            job_type: String::new(),
            job_type_version: String::new(),
            state: State::Queued,
            revision: 1,
            dispatch: 1,
            attempt: None,
            seq: None,
            dead_letter: None,
            cancel_requested: false,
            labels: BTreeMap::new(),
            request_id: None,
            retried_from: None,
            retried_by: None,
            progress: None,
            failure: None,
            create_time: now,
            update_time: now,
            start_time: None,
            end_time: None,
            deadline: now.plus_millis(timeouts.queue_millis),
            purge_time: None,
            timeouts,
        }
    }
}
