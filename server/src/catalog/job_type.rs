//! One job type: what may be asked for, and how it is to be treated.

use std::time::Duration;

use serde_json::Value;

use super::schema::{Schema, Violations};
use super::{Backoff, UniqueConstraint};

/// How often a job is handed out, where its type does not say.
pub(super) const DISPATCHES: i32 = 3;

/// What becomes of jobs whose tasks end among the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDeadLetter {
    /// They fail.
    Fail,
    /// They wait for an operator.
    Hold,
}

/// A kind of job. Cannot be built but from a file that was checked.
#[derive(Debug)]
pub struct JobType {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) schema: Schema,
    pub(super) consumer_type: String,
    pub(super) queue: Option<String>,
    pub(super) unique: Vec<UniqueConstraint>,
    pub(super) queue_timeout: Duration,
    pub(super) execution_timeout: Duration,
    pub(super) retention: Duration,
    pub(super) dispatches: i32,
    pub(super) backoff: Backoff,
    pub(super) on_dead_letter: OnDeadLetter,
    pub(super) examples: Vec<Value>,
}

impl JobType {
    /// Names it: parts of `[a-z0-9_]` joined by dots.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For people; empty when not given.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// For people; empty when not given.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The version that its jobs carry.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What payloads must look like (JSON Schema, draft 2020-12 unless it says otherwise).
    #[must_use]
    pub const fn schema(&self) -> &Value {
        self.schema.document()
    }

    /// The `type` that consumers know its tasks by.
    #[must_use]
    pub fn consumer_type(&self) -> &str {
        &self.consumer_type
    }

    /// Name or URL of the queue of its tasks, where it is not the one of all others.
    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    /// What only one living job of a partner may have.
    #[must_use]
    pub fn unique(&self) -> &[UniqueConstraint] {
        &self.unique
    }

    /// How long a job may wait for a start or an outcome.
    #[must_use]
    pub const fn queue_timeout(&self) -> Duration {
        self.queue_timeout
    }

    /// How long a job may run without a sign of life.
    #[must_use]
    pub const fn execution_timeout(&self) -> Duration {
        self.execution_timeout
    }

    /// How long a job is kept once it is terminal.
    #[must_use]
    pub const fn retention(&self) -> Duration {
        self.retention
    }

    /// How often a job is handed out at most.
    #[must_use]
    pub const fn dispatches(&self) -> i32 {
        self.dispatches
    }

    /// How long to wait before it is handed out again.
    #[must_use]
    pub const fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// What becomes of a job whose task ends among the dead letters.
    #[must_use]
    pub const fn on_dead_letter(&self) -> OnDeadLetter {
        self.on_dead_letter
    }

    /// Payloads that fit.
    #[must_use]
    pub fn examples(&self) -> &[Value] {
        &self.examples
    }

    /// Whether a payload fits.
    ///
    /// # Errors
    /// Everything that does not, 100 violations at most; of a payload of more than 50,000 values only the first.
    pub fn check(&self, payload: &Value) -> Result<(), Violations> {
        self.schema.check(payload)
    }

    /// The unique constraints that hold for a payload, each with the digest of its values: SHA-256 over canonical JSON.
    #[must_use]
    pub fn unique_values(&self, payload: &Value) -> Vec<(String, [u8; 32])> {
        let digests = self.unique.iter().map(|constraint| {
            constraint
                .digest(payload)
                .map(|digest| (constraint.name.clone(), digest))
        });
        digests.flatten().collect()
    }
}
