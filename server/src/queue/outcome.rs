//! An outcome as JSON, read as leniently as proto/messages/outcome.schema.json promises: an authentic outcome is never hidden by a
//! decorative defect.

use serde_json::Value;

use super::body::{Members, Unreadable, object};
use super::sha256_hex;
use super::subject::Subject;
use crate::job::{Code, Event, Failure, Outcome, Progress, RESULT_BYTES_MAX, Violation, kept};
use crate::json;

const TEXT_BYTES_MAX: usize = 2048;
/// Of a violation, of which there may be a hundred: they come with the job in every list.
const VIOLATION_BYTES_MAX: usize = 256;
const EVENT_ID_BYTES_MAX: usize = 128;
const VIOLATIONS_MAX: usize = 100;
const RETRY_DELAY_SECONDS_MAX: i64 = 86_400;

/// An outcome as its message tells it. Whether it is authentic, its token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Of which task.
    pub subject: Subject,
    /// What happened. Its dispatch is the token's to say.
    pub outcome: Outcome,
}

/// Reads the body of a message.
///
/// # Errors
/// When it cannot be an outcome.
pub fn read(body: &str, message_id: &str) -> Result<Message, Unreadable> {
    let object = object(body)?;
    let members = Members(&object);
    let subject = Subject::of(&members)?;
    let event = event(&members)?;
    let outcome = Outcome {
        dispatch: 0,
        event_id: event_id(&members, &event, body, message_id),
        attempt: members
            .whole("attempt")
            .filter(|attempt| *attempt >= 1)
            .map(|attempt| i32::try_from(attempt).unwrap_or(i32::MAX)),
        seq: members.whole("seq").filter(|seq| *seq >= 0),
        event,
    };
    Ok(Message { subject, outcome })
}

fn event(members: &Members<'_>) -> Result<Event, Unreadable> {
    let name = members.text("event").ok_or(Unreadable::UnknownEvent)?;
    match name.to_ascii_uppercase().as_str() {
        "STARTED" => Ok(Event::Started),
        "PROGRESS" => Ok(Event::Progress(progress(members))),
        "SUCCEEDED" => Ok(succeeded(members)),
        "FAILED" => Ok(failed(members)),
        "CANCELLED" => Ok(Event::Cancelled),
        _ => Err(Unreadable::UnknownEvent),
    }
}

fn progress(members: &Members<'_>) -> Option<Progress> {
    let object = members.object("progress")?;
    let members = Members(&object);
    Some(Progress::told(
        members.whole("completed").unwrap_or_default(),
        members.whole("total").unwrap_or_default(),
        members.text("message").unwrap_or_default(),
    ))
}

fn succeeded(members: &Members<'_>) -> Event {
    let result = members.object("result");
    if let Some(result) = &result {
        let value = Value::Object(result.clone());
        if let Some(unfit) = json::unfit(&value) {
            return Event::Unusable(unfit.description().to_owned());
        }
        if value.to_string().len() > RESULT_BYTES_MAX {
            return Event::Unusable("larger than 256 KiB".to_owned());
        }
    }
    Event::Succeeded {
        result,
        outputs: members
            .get("outputs")
            .filter(|outputs| outputs.is_array())
            .cloned(),
    }
}

fn failed(members: &Members<'_>) -> Event {
    let error = members.object("error").unwrap_or_default();
    let retry_delay = members.whole("retryDelaySeconds").filter(|seconds| *seconds >= 0);
    Event::Failed {
        failure: failure(&Members(&error)),
        retryable: members.flag("retryable"),
        retry_delay_millis: retry_delay.map(|seconds| seconds.min(RETRY_DELAY_SECONDS_MAX) * 1000),
    }
}

fn failure(error: &Members<'_>) -> Failure {
    let violations: Vec<Violation> = match error.get("violations") {
        Some(Value::Array(items)) => items.iter().take(VIOLATIONS_MAX).filter_map(violation).collect(),
        _ => Vec::new(),
    };
    let code = match error.text("code") {
        Some(name) => Code::from_name(name).unwrap_or(Code::Unknown),
        None if violations.is_empty() => Code::Unknown,
        None => Code::InvalidArgument,
    };
    Failure {
        code,
        reason: Failure::reason_from_consumer(error.text("reason")),
        message: kept(error.text("message").unwrap_or("the task failed"), TEXT_BYTES_MAX),
        violations,
    }
}

fn violation(item: &Value) -> Option<Violation> {
    let members = Members(item.as_object()?);
    let pointer = members.text("pointer").unwrap_or_default();
    let slash = if pointer.is_empty() || pointer.starts_with('/') {
        ""
    } else {
        "/"
    };
    Some(Violation {
        field: kept(&format!("/payload{slash}{pointer}"), VIOLATION_BYTES_MAX),
        description: kept(members.text("message").unwrap_or_default(), VIOLATION_BYTES_MAX),
    })
}

/// The same id twice is one event. A consumer that gives none is told apart by the message, which SQS may deliver twice, where the same
/// body may mean two things; and by the body where it means one, however often it is sent.
fn event_id(members: &Members<'_>, event: &Event, body: &str, message_id: &str) -> String {
    match members.text("eventId").filter(|id| !id.is_empty()) {
        Some(id) if id.len() <= EVENT_ID_BYTES_MAX && !id.contains('\0') => id.to_owned(),
        Some(id) => sha256_hex(id),
        None => match event {
            Event::Started | Event::Progress(_) => message_id.to_owned(),
            Event::Succeeded { .. } | Event::Unusable(_) | Event::Failed { .. } | Event::Cancelled => {
                sha256_hex(body)
            }
        },
    }
}
