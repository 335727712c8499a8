//! A job as somebody saw it, whichever way it came.

use anyhow::Context as _;
use postern_proto::postern::v1::{Job, JobState};
use serde_json::Value;

/// What is compared of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `job_…`
    pub(crate) job_id: String,
    /// Its idempotency key.
    pub(crate) request_id: String,
    /// Its state.
    pub(crate) state: JobState,
    /// Its revision.
    pub(crate) revision: i32,
    /// The result, where it came with it.
    pub(crate) result: Option<Value>,
    /// The reason of its failure; empty when there is none.
    pub(crate) reason: String,
    /// The job that it retries, and the one that retries it; empty when there is none.
    pub(crate) retried_from: String,
    pub(crate) retried_by: String,
}

impl Seen {
    /// A job as REST shows it.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn from_json(job: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| {
            job[name]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("{name} in {job}"))
        };
        let revision = job["revision"]
            .as_i64()
            .with_context(|| format!("revision in {job}"))?;
        Ok(Self {
            job_id: text("jobId")?,
            request_id: text("requestId")?,
            retried_from: text("retriedFrom")?,
            retried_by: text("retriedBy")?,
            state: JobState::from_str_name(&text("state")?).with_context(|| format!("state of {job}"))?,
            revision: i32::try_from(revision)?,
            result: job.get("result").cloned(),
            reason: job["error"]["details"][0]["reason"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// A job as gRPC shows it, without its result.
    #[must_use]
    pub(crate) fn from_proto(job: &Job) -> Self {
        Self {
            job_id: job.job_id.clone(),
            request_id: job.request_id.clone(),
            retried_from: job.retried_from.clone(),
            retried_by: job.retried_by.clone(),
            state: job.state(),
            revision: job.revision,
            result: None,
            reason: String::new(),
        }
    }

    /// Whether the job has ended.
    #[must_use]
    pub(crate) const fn is_terminal(&self) -> bool {
        is_terminal(self.state)
    }
}

/// Whether a job in this state has ended.
#[must_use]
pub(crate) const fn is_terminal(state: JobState) -> bool {
    match state {
        JobState::Unspecified | JobState::Queued | JobState::Running => false,
        JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Expired => true,
    }
}
