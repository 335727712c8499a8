//! What is wrong, as partners are told: the one map from every room's errors to a gRPC status with details.
//!
//! Every status carries `ErrorInfo` (domain `postern`). Internal detail is logged here, and never returned.

use std::time::Duration;

use postern_proto::google::rpc::bad_request::FieldViolation;
use postern_proto::google::rpc::{BadRequest, ErrorInfo, ResourceInfo, RetryInfo, Status as RpcStatus};
use postern_proto::postern::v1::JobState;
use prost::{Message, Name};
use prost_types::Any;
use tonic::{Code, Status};

use crate::job::JobId;
use crate::store;

const DOMAIN: &str = "postern";
/// gRPC peers limit trailers to 8 KiB, where details travel in base64 beside the message.
const DETAILS_BYTES_MAX: usize = 4500;
const MESSAGE_BYTES_MAX: usize = 512;
/// A REST caller's error body stays below 6 KiB, where each violation has names and quotes besides.
const VIOLATIONS_JSON_BYTES_MAX: usize = 5_000;
/// More are not told of, nor counted: each that does not fit costs an encoding of the whole status.
const VIOLATIONS_MAX: usize = 100;
/// When to come back if nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Something that a caller is told is wrong. Boxed, since most calls go well.
#[derive(Debug, Clone)]
pub(super) struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: Vec<(&'static str, String)>,
    violations: Vec<Violation>,
    holder: Option<JobId>,
    retry_after: Option<Duration>,
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// JSON Pointer into the request written as JSON.
    pub(super) field: String,
    /// `UPPER_SNAKE`.
    pub(super) reason: String,
    /// For people.
    pub(super) description: String,
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, reason: &str, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.to_owned(),
            description: description.into(),
        }
    }

    /// What it takes in a list of them.
    fn json_bytes(&self) -> usize {
        let names = r#"{"field":,"description":,"reason":}"#.len();
        names
            + serde_json::json!([self.field, self.description, self.reason])
                .to_string()
                .len()
    }

    /// PostgreSQL keeps no text with this character in it.
    pub(super) fn nul(field: impl Into<String>) -> Self {
        Self::new(field, "INVALID_VALUE", "must not contain U+0000")
    }
}

impl Problem {
    pub(super) fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            reason,
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            holder: None,
            retry_after: None,
        }))
    }

    /// The request itself is wrong.
    pub(super) fn invalid_request(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [only] => format!("{}: {}", only.field, only.description),
            several => format!("the request has {} faults", several.len()),
        };
        Self::new(Code::InvalidArgument, "INVALID_REQUEST", message).with_violations(violations)
    }

    pub(super) const fn reason(&self) -> &'static str {
        self.0.reason
    }

    pub(super) fn with_violations(mut self, mut violations: Vec<Violation>) -> Self {
        violations.truncate(VIOLATIONS_MAX);
        self.0
            .metadata
            .push(("violationsTotal", violations.len().to_string()));
        self.0.violations = violations;
        self
    }

    pub(super) fn with_metadata(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.metadata.push((key, value.into()));
        self
    }

    pub(super) fn job_not_found() -> Self {
        Self::new(Code::NotFound, "JOB_NOT_FOUND", "there is no such job")
    }

    pub(super) fn job_type_unknown() -> Self {
        Self::new(
            Code::InvalidArgument,
            "JOB_TYPE_UNKNOWN",
            "there is no such job type",
        )
    }

    pub(super) fn job_terminal(state: JobState) -> Self {
        let name = state.as_str_name();
        Self::new(
            Code::FailedPrecondition,
            "JOB_TERMINAL",
            format!("the job has ended: {name}"),
        )
        .with_metadata("state", name)
    }

    pub(super) fn job_not_terminal(state: JobState) -> Self {
        let name = state.as_str_name();
        Self::new(
            Code::FailedPrecondition,
            "JOB_NOT_TERMINAL",
            format!("the job has not ended: {name}"),
        )
        .with_metadata("state", name)
    }

    pub(super) fn job_succeeded() -> Self {
        Self::new(
            Code::FailedPrecondition,
            "JOB_SUCCEEDED",
            "the job did what was asked, and is not retried",
        )
    }

    pub(super) fn revision_ahead(revision: i32) -> Self {
        Self::new(
            Code::OutOfRange,
            "REVISION_AHEAD",
            format!("the job is at revision {revision}"),
        )
        .with_metadata("revision", revision.to_string())
    }

    pub(super) fn unique_constraint(constraint: &str, holder: JobId) -> Self {
        let message = format!("another job holds the same {constraint}");
        let mut problem = Self::new(Code::AlreadyExists, "UNIQUE_CONSTRAINT", message)
            .with_metadata("constraint", constraint);
        problem.0.holder = Some(holder);
        problem
    }

    /// The server is going away; another, or the next, will serve.
    pub(super) fn shutting_down() -> Self {
        Self::unavailable("SHUTTING_DOWN", "the server is shutting down")
    }

    pub(super) fn backend_unavailable() -> Self {
        Self::unavailable("BACKEND_UNAVAILABLE", "a part of the service cannot be reached")
    }

    pub(super) fn deadline_exceeded() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
            "the call took longer than its caller waits",
        )
    }

    pub(super) fn internal() -> Self {
        Self::new(Code::Internal, "INTERNAL", "internal error")
    }

    /// Whether it is none of the request's, and the same may go well later.
    pub(super) fn is_unavailable(&self) -> bool {
        self.0.code == Code::Unavailable
    }

    /// As much of it as fits. What does not is left out; `violationsTotal` still counts it.
    fn fitted(self) -> Parts {
        let mut parts = *self.0;
        parts
            .message
            .truncate(parts.message.floor_char_boundary(MESSAGE_BYTES_MAX));
        let mut left = VIOLATIONS_JSON_BYTES_MAX;
        for violation in std::mem::take(&mut parts.violations) {
            let rest = left.checked_sub(violation.json_bytes());
            parts.violations.push(violation);
            match rest.filter(|_| parts.status().encoded_len() <= DETAILS_BYTES_MAX) {
                Some(rest) => left = rest,
                None => drop(parts.violations.pop()),
            }
        }
        parts
    }

    fn unavailable(reason: &'static str, message: &str) -> Self {
        let mut problem = Self::new(Code::Unavailable, reason, message);
        problem.0.retry_after = Some(RETRY_AFTER);
        problem
    }
}

impl Parts {
    fn details(&self) -> Vec<Any> {
        let mut details = vec![any(&ErrorInfo {
            reason: self.reason.to_owned(),
            domain: DOMAIN.to_owned(),
            metadata: self
                .metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        })];
        if !self.violations.is_empty() {
            let field_violations = self.violations.iter().map(field_violation).collect();
            details.push(any(&BadRequest { field_violations }));
        }
        if let Some(holder) = self.holder {
            details.push(any(&ResourceInfo {
                resource_type: "postern.v1.Job".to_owned(),
                resource_name: holder.to_string(),
                ..Default::default()
            }));
        }
        if let Some(after) = self.retry_after {
            details.push(any(&RetryInfo {
                retry_delay: prost_types::Duration::try_from(after).ok(),
            }));
        }
        details
    }

    fn status(&self) -> RpcStatus {
        RpcStatus {
            code: self.code as i32,
            message: self.message.clone(),
            details: self.details(),
        }
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let parts = problem.fitted();
        let details = parts.status().encode_to_vec();
        Self::with_details(parts.code, parts.message, details.into())
    }
}

/// For what is wrong with one of several.
impl From<Problem> for RpcStatus {
    fn from(problem: Problem) -> Self {
        problem.fitted().status()
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(_) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database is not available"
                );
                Self::backend_unavailable()
            }
            store::Error::Refused(_)
            | store::Error::Corrupt(_)
            | store::Error::InUse(_)
            | store::Error::File { .. }
            | store::Error::Unsupported => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the database failed a call"
                );
                Self::internal()
            }
        }
    }
}

impl From<store::SubmitError> for Problem {
    fn from(error: store::SubmitError) -> Self {
        match error {
            store::SubmitError::RequestIdReused => request_id_reused(),
            store::SubmitError::Unique { constraint, holder } => Self::unique_constraint(&constraint, holder),
            store::SubmitError::Store(error) => error.into(),
        }
    }
}

pub(super) fn request_id_reused() -> Problem {
    Problem::new(
        Code::InvalidArgument,
        "REQUEST_ID_REUSED",
        "the request id came with another request before",
    )
}

/// A message as a detail, under the name that every client library looks for.
pub(super) fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: message.encode_to_vec(),
    }
}

fn field_violation(violation: &Violation) -> FieldViolation {
    FieldViolation {
        field: violation.field.clone(),
        description: violation.description.clone(),
        reason: violation.reason.clone(),
        localized_message: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_violations_are_counted_and_what_fits_is_told() {
        let violation = Violation::new("/labels/A", "INVALID_VALUE", "x".repeat(100));
        let status = Status::from(Problem::invalid_request(vec![violation; 1_000_000]));
        assert!(status.details().len() <= DETAILS_BYTES_MAX);
        let status = RpcStatus::decode(status.details()).unwrap();
        let info = ErrorInfo::decode(status.details[0].value.as_slice()).unwrap();
        assert_eq!(info.metadata["violationsTotal"], "100");
        let told = BadRequest::decode(status.details[1].value.as_slice()).unwrap();
        assert!(told.field_violations.len() > 20);
    }

    #[test]
    fn what_is_told_is_small_as_json_too() {
        for (field, description) in [
            ("/labels/A", "x"),
            ("/payload/\"", "\\"),
            ("/labels/ä", "is no key"),
        ] {
            let violation = Violation::new(field, "INVALID_VALUE", description);
            let status = Status::from(Problem::invalid_request(vec![violation; 100]));
            let status = RpcStatus::decode(status.details()).unwrap();
            let told = BadRequest::decode(status.details[1].value.as_slice()).unwrap();
            let text: usize = told
                .field_violations
                .iter()
                .map(|one| Violation::new(&one.field, &one.reason, &one.description).json_bytes())
                .sum();
            assert!((4_000..=5_000).contains(&text), "{text}");
        }
    }
}
