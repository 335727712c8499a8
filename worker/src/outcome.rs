//! Outcomes as JSON: bodies of messages on the results queue (`proto/messages/outcome.schema.json`). Knows nothing of SQS
//! but which characters it takes and how large a body may be.
//!
//! # Event ids
//!
//! The server takes the same id twice, within a job and dispatch, for one event. Ours name the message, the receipt of it
//! (`attempt`) and the event: `<message id>-<attempt>-<seq>`, or the event's name where it is the last of its attempt. So
//! an outcome that is sent again because the answer to the first try was lost is one event, also from a consumer that was
//! started anew. Another attempt's outcome has another id, and so has one of the same task in another message (the server
//! may have sent it twice); neither is lost if an earlier failure was put aside. And should SQS deliver a message twice
//! under the same count, success and failure still differ; two successes are one and the same.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::Progress;
use crate::failure::{Failure, Violation};
use crate::handler::{Ended, unusable};
use crate::task::{Assignment, JobId, OutcomeToken};

const TEXT_BYTES_MAX: usize = 2_048;
const VIOLATIONS_MAX: usize = 100;
const REASON_BYTES_MAX: usize = 63;
const RESULT_BYTES_MAX: usize = 256 * 1_024;
const RETRY_DELAY_SECONDS_MAX: u64 = 86_400;

/// Writes the outcomes of one attempt at a task.
#[derive(Debug)]
pub(crate) struct Outcomes {
    outcome_token: OutcomeToken,
    job_id: JobId,
    dispatch: u32,
    attempt: u32,
    message_id: String,
    seq: u32,
    /// What the results queue takes.
    body_bytes_max: usize,
}

impl Outcomes {
    pub(crate) fn new(assignment: &Assignment, message_id: String, body_bytes_max: usize) -> Self {
        Self {
            outcome_token: assignment.outcome_token.clone(),
            job_id: assignment.task.job_id.clone(),
            dispatch: assignment.task.dispatch,
            attempt: assignment.task.attempt,
            message_id,
            seq: 0,
            body_bytes_max,
        }
    }

    pub(crate) fn started(&mut self) -> String {
        self.next("STARTED", None)
    }

    pub(crate) fn progress(&mut self, progress: &Progress) -> String {
        let Progress {
            completed,
            total,
            message,
        } = progress;
        self.next(
            "PROGRESS",
            Some(ProgressBody {
                completed: *completed,
                total: *total,
                message: cut(message),
            }),
        )
    }

    /// The last outcome. It always fits into the results queue: a result that is too large becomes a failure.
    pub(crate) fn ended(&self, ended: &Ended) -> String {
        match ended {
            Ok(result) => self.succeeded(result.as_ref()),
            Err(failure) if failure.is_cancelled => self.body("CANCELLED", "CANCELLED").to_json(),
            Err(failure) => self.failed(failure),
        }
    }

    fn next(&mut self, event: &'static str, progress: Option<ProgressBody<'_>>) -> String {
        self.seq += 1;
        let mut body = self.body(event, &self.seq.to_string());
        body.seq = Some(self.seq);
        body.progress = progress;
        body.to_json()
    }

    fn succeeded(&self, result: Option<&Map<String, Value>>) -> String {
        if result.is_some_and(|result| json(result).len() > RESULT_BYTES_MAX) {
            return self.failed(&unusable("the result is larger than 256 KiB"));
        }
        let mut body = self.body("SUCCEEDED", "SUCCEEDED");
        body.result = result;
        let body = body.to_json();
        if body.len() > self.body_bytes_max {
            return self.failed(&unusable(
                "the result is larger than a message on the results queue",
            ));
        }
        // The server would put such a body aside unread, and the job would never end.
        if serde_json::from_str::<Value>(&body).is_err() {
            return self.failed(&unusable("the result is nested too deep"));
        }
        body
    }

    fn failed(&self, failure: &Failure) -> String {
        let (message, violations) = (cut(&failure.message), failure.violations.as_slice());
        for (message, violations) in [(message, violations), (message, &[])] {
            let body = self.failure_body(failure, message, violations);
            if body.len() <= self.body_bytes_max {
                return body;
            }
        }
        // Below 1 KiB, which is the least that a queue takes.
        self.failure_body(failure, "", &[])
    }

    fn failure_body(&self, failure: &Failure, message: &str, violations: &[Violation]) -> String {
        let violations = violations.iter().take(VIOLATIONS_MAX);
        let mut body = self.body("FAILED", "FAILED");
        body.error = Some(ErrorBody {
            code: failure.code.name(),
            reason: Some(failure.reason.as_str()).filter(|reason| is_reason(reason)),
            message,
            violations: violations
                .map(|Violation { pointer, message }| ViolationBody {
                    pointer,
                    message: cut(message),
                })
                .collect(),
        });
        body.retryable = Some(failure.retryable);
        body.retry_delay_seconds = failure.retry_delay.map(whole_seconds);
        body.to_json()
    }

    fn body(&self, event: &'static str, id: &str) -> Body<'_> {
        Body {
            outcome_token: self.outcome_token.as_str(),
            event,
            job_id: self.job_id.as_str(),
            dispatch: self.dispatch,
            event_id: format!("{}-{}-{id}", self.message_id, self.attempt),
            attempt: self.attempt,
            seq: None,
            result: None,
            progress: None,
            error: None,
            retryable: None,
            retry_delay_seconds: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    outcome_token: &'a str,
    event: &'static str,
    job_id: &'a str,
    dispatch: u32,
    event_id: String,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_delay_seconds: Option<u64>,
}

#[derive(Serialize)]
struct ProgressBody<'a> {
    completed: u32,
    total: u32,
    message: &'a str,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<ViolationBody<'a>>,
}

#[derive(Serialize)]
struct ViolationBody<'a> {
    pointer: &'a str,
    message: &'a str,
}

impl Body<'_> {
    fn to_json(&self) -> String {
        json(self)
    }
}

/// SQS takes the characters that XML 1.0 allows. JSON's writer escapes the control characters among the others; the two
/// that remain can only be in strings, where an escape means the same.
fn json<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).expect("keys are strings, and nothing here fails to serialize");
    if json.contains(['\u{FFFE}', '\u{FFFF}']) {
        return json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff");
    }
    json
}

/// Rounded up: rather a little later than too early.
fn whole_seconds(delay: Duration) -> u64 {
    let rounded_up = delay
        .as_secs()
        .saturating_add(u64::from(delay.subsec_nanos() > 0));
    rounded_up.min(RETRY_DELAY_SECONDS_MAX)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// `^[A-Z][A-Z0-9_]{0,62}$`
fn is_reason(reason: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    reason.len() <= REASON_BYTES_MAX
        && reason.starts_with(|first: char| first.is_ascii_uppercase())
        && reason.bytes().all(is_word)
}

#[cfg(test)]
mod tests;
