//! What came of a trial.

use std::time::Duration;

use serde_json::Value;

use crate::attempt::Settlement;
use crate::context::Progress;

/// What came of a task, and what would have been told of it. The [module](crate::testing) has an example, and [`Failure`](crate::Failure) another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    end: End,
    body: Option<Value>,
    progress: Vec<Progress>,
}

/// What becomes of a task; [`Stop`](crate::Stop) and [`Policy::retry_here`](crate::Policy::retry_here) have examples.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The job succeeds.
    Succeeded,
    /// The job fails; if [`Outcome::is_retryable`], the server may hand it out again.
    Failed,
    /// The job is cancelled.
    Cancelled,
    /// Nothing is told; the task comes again after this time.
    RetriedHere {
        /// The delay.
        after: Duration,
    },
    /// Nothing is told; the task comes again at once.
    GivenBack,
    /// Nothing is told, and the task is deleted, since nobody waits for it.
    Dropped,
    /// Nothing is told, and the task is left to the consumer that may have it now.
    Left,
}

impl Outcome {
    pub(super) fn new(settlement: Settlement, body: Option<String>, progress: Vec<Progress>) -> Self {
        let body: Option<Value> = body.map(|body| serde_json::from_str(&body).expect("an outcome is JSON"));
        let end = match settlement {
            Settlement::Told => match body.as_ref().and_then(|body| body["event"].as_str()) {
                Some("SUCCEEDED") => End::Succeeded,
                Some("CANCELLED") => End::Cancelled,
                Some(_) | None => End::Failed,
            },
            Settlement::RetriedHere(after) => End::RetriedHere { after },
            Settlement::GivenBack => End::GivenBack,
            Settlement::Dropped => End::Dropped,
            Settlement::Left => End::Left,
        };
        Self { end, body, progress }
    }

    /// What becomes of the task.
    #[must_use]
    pub const fn end(&self) -> &End {
        &self.end
    }

    /// The result; none when the job did not succeed, or without one.
    #[must_use]
    pub fn result(&self) -> Option<&Value> {
        self.body.as_ref()?.get("result")
    }

    /// The name of the failure's code, such as `NOT_FOUND`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.error("code")
    }

    /// The failure's reason, if it is one that servers take.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.error("reason")
    }

    /// What the partner reads of the failure.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.error("message")
    }

    /// The places in the payload that are to blame, as JSON Pointers.
    #[must_use]
    pub fn violations(&self) -> Vec<&str> {
        let violations = self
            .body
            .as_ref()
            .and_then(|body| body["error"]["violations"].as_array());
        let pointers = violations.into_iter().flatten();
        pointers.filter_map(|it| it["pointer"].as_str()).collect()
    }

    /// Whether the server may hand the job out again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body["retryable"] == true)
    }

    /// All that the handler told of its progress, whether or not there would have been time to send it.
    #[must_use]
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// The body of the message on the results queue (`proto/messages/outcome.schema.json`); none when nothing is told.
    #[must_use]
    pub const fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    fn error(&self, member: &str) -> Option<&str> {
        self.body.as_ref()?["error"][member].as_str()
    }
}
