//! A task: what the body of a message on the jobs queue says (`proto/messages/task.schema.json`). Knows nothing of SQS.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::trace::Trace;

/// One execution of a job that was asked for, with the payload as the handler's own type.
///
/// ```
/// # use postern_worker::{Context, Failure, Handler, Task, testing::Trial};
/// # use serde_json::{Value, json};
/// struct Describe;
///
/// impl Handler for Describe {
///     const JOB_TYPE: &'static str = "example.describe";
///     type Payload = Value;
///     type Output = Value;
///
///     async fn handle(&self, task: Task<Value>, _context: &Context) -> Result<Value, Failure> {
///         let files: Vec<_> = task.attachments.iter().map(|file| file.name.as_str()).collect();
///         // What must not happen twice is recorded under the job's id.
///         Ok(json!({ "job": task.job_id.as_str(), "whose": task.partner_id.as_str(), "team": task.labels["team"], "files": files }))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let files = json!([{
///     "attachmentId": "att_1", "name": "contacts.csv", "contentType": "text/csv", "sizeBytes": 9, "sha256": "00", "uri": "s3://bucket/key"
/// }]);
/// let trial = Trial::new(Describe).job_id("job_01h455vb4pex5vsknk084sn03q").partner_id("globex").label("team", "blue");
/// let outcome = trial.attachments(files).run().await;
/// assert_eq!(
///     outcome.result(),
///     Some(&json!({ "job": "job_01h455vb4pex5vsknk084sn03q", "whose": "globex", "team": "blue", "files": ["contacts.csv"] }))
/// );
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Task<P> {
    /// The job. Whatever comes twice comes under the same id.
    pub job_id: JobId,
    /// The job type and its version in the catalog.
    pub job_type: String,
    /// The version of the job type that the payload was checked against.
    pub job_type_version: String,
    /// Whose job it is.
    pub partner_id: PartnerId,
    /// How many times the job has been handed out, from 1.
    pub dispatch: u32,
    /// How many times this message has been received, from 1: more than once when a consumer died or was stopped.
    pub attempt: u32,
    /// The task is not to be started after this.
    pub deadline: SystemTime,
    /// What the partner asked for.
    pub payload: P,
    /// Files that belong to the job.
    pub attachments: Vec<Attachment>,
    /// The partner's labels.
    pub labels: BTreeMap<String, String>,
    /// The trace that the job belongs to.
    pub trace: Trace,
}

/// A file in the object store. [`Task`] has an example.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Attachment {
    /// Its id in the API.
    pub attachment_id: String,
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Where it is in the object store.
    pub uri: String,
}

/// The id of a job.
///
/// ```
/// let id = postern_worker::JobId::from("job_01h455vb4pex5vsknk084sn02q".to_owned());
/// assert_eq!(id.to_string(), id.as_str());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

/// The id of a partner. [`Task`] has an example.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct PartnerId(String);

impl From<String> for JobId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl JobId {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl PartnerId {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartnerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A task whose payload is still JSON, and the token that its outcomes need.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) task: Task<Box<RawValue>>,
    pub(crate) outcome_token: OutcomeToken,
    /// The payload is elsewhere, and `task.payload` is empty.
    pub(crate) payload_elsewhere: bool,
}

/// Proof that an outcome comes from who got the task. Not for logs.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct OutcomeToken(String);

/// A message that is no task. Where, not what: its text may hold anything.
#[derive(Debug, thiserror::Error)]
#[error("not a task: line {line}, column {column}")]
pub(crate) struct NotATask {
    line: usize,
    column: usize,
}

impl Assignment {
    /// Reads a message's body. `attempt` is how often the message has been received.
    pub(crate) fn read(body: &str, attempt: u32) -> Result<Self, NotATask> {
        let body: Body = serde_json::from_str(body).map_err(|error| NotATask {
            line: error.line(),
            column: error.column(),
        })?;
        let task = Task {
            job_id: body.job_id,
            job_type: body.job_type,
            job_type_version: body.job_type_version,
            partner_id: body.partner_id,
            dispatch: body.dispatch,
            attempt,
            deadline: body.deadline,
            payload: body.payload,
            attachments: body.attachments,
            labels: body.labels,
            trace: body.trace,
        };
        let payload_elsewhere = body.payload_ref.is_some();
        Ok(Self {
            task,
            outcome_token: body.outcome_token,
            payload_elsewhere,
        })
    }
}

impl<P> Task<P> {
    /// The same task with another payload.
    pub(crate) fn with_payload<Q>(self, payload: Q) -> Task<Q> {
        Task {
            job_id: self.job_id,
            job_type: self.job_type,
            job_type_version: self.job_type_version,
            partner_id: self.partner_id,
            dispatch: self.dispatch,
            attempt: self.attempt,
            deadline: self.deadline,
            payload,
            attachments: self.attachments,
            labels: self.labels,
            trace: self.trace,
        }
    }
}

impl OutcomeToken {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OutcomeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OutcomeToken(..)")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    job_id: JobId,
    job_type: String,
    job_type_version: String,
    partner_id: PartnerId,
    dispatch: u32,
    #[serde(deserialize_with = "rfc3339")]
    deadline: SystemTime,
    payload: Box<RawValue>,
    payload_ref: Option<IgnoredAny>,
    attachments: Vec<Attachment>,
    labels: BTreeMap<String, String>,
    outcome_token: OutcomeToken,
    trace: Trace,
}

fn rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = DateTime::from_str(&text, DateTimeFormat::DateTimeWithOffset).map_err(D::Error::custom)?;
    SystemTime::try_from(time).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn body() -> serde_json::Value {
        serde_json::json!({
            "jobId": "job_01h455vb4pex5vsknk084sn02q", "jobType": "example.greet", "jobTypeVersion": "1",
            "partnerId": "acme", "dispatch": 1, "deadline": "1970-01-02T00:00:00.25Z", "payload": {"name": "Ada"},
            "payloadRef": null, "attachments": [], "labels": {"team": "blue"}, "outcomeToken": "secret-token",
            "trace": {"traceparent": "", "tracestate": ""}, "somethingNew": [1, 2]
        })
    }

    #[test]
    fn a_task_is_read_and_what_is_new_in_it_is_ignored() {
        let assignment = Assignment::read(&body().to_string(), 3).unwrap();
        assert_eq!(assignment.task.job_id.as_str(), "job_01h455vb4pex5vsknk084sn02q");
        assert_eq!(assignment.task.attempt, 3);
        assert_eq!(
            assignment.task.deadline,
            SystemTime::UNIX_EPOCH + Duration::from_millis(86_400_250)
        );
        assert_eq!(assignment.task.payload.get(), r#"{"name":"Ada"}"#);
        assert!(!assignment.payload_elsewhere);
    }

    #[test]
    fn a_message_without_one_of_the_properties_is_no_task() {
        for (name, _) in body().as_object().unwrap() {
            let mut body = body();
            body.as_object_mut().unwrap().remove(name);
            let optional = ["payloadRef", "somethingNew"].contains(&name.as_str());
            assert_eq!(Assignment::read(&body.to_string(), 1).is_ok(), optional, "{name}");
        }
    }

    #[test]
    fn neither_token_nor_text_of_a_message_comes_into_logs() {
        let assignment = Assignment::read(&body().to_string(), 1).unwrap();
        assert!(!format!("{:?}", assignment.outcome_token).contains("secret"));
        let error = Assignment::read(r#"{"jobId": ["secret"]}"#, 1).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
