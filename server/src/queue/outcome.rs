//! An outcome as JSON, read as leniently as proto/messages/outcome.schema.json promises: an authentic outcome is never hidden by a
//! decorative defect.

use serde_json::{Map, Value};

use super::sha256_hex;
use super::subject::Subject;
use crate::job::{Code, Event, Failure, Outcome, Progress, Violation, kept};
use crate::json;

const TEXT_BYTES_MAX: usize = 2048;
/// Of a violation, of which there may be a hundred: they come with the job in every list.
const VIOLATION_BYTES_MAX: usize = 256;
const EVENT_ID_BYTES_MAX: usize = 128;
const VIOLATIONS_MAX: usize = 100;
const RESULT_BYTES_MAX: usize = 256 * 1024;
const RETRY_DELAY_SECONDS_MAX: i64 = 86_400;

/// An outcome as its message tells it. Whether it is authentic, its token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Of which task.
    pub subject: Subject,
    /// What happened. Its dispatch is the token's to say.
    pub outcome: Outcome,
}

/// Why a message is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not a JSON object, or nested too deep.
    #[error("not a JSON object: {0}")]
    NotJson(String),
    /// It has no token.
    #[error("no outcome token")]
    NoToken,
    /// What it tells of is not known.
    #[error("unknown event")]
    UnknownEvent,
    /// It is an outcome where tasks are.
    #[error("an outcome, and no task")]
    NoTask,
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

/// The object that a body is.
pub(super) fn object(body: &str) -> Result<Map<String, Value>, Unreadable> {
    let value: Value = serde_json::from_str(body)
        .or_else(|_invalid| serde_json::from_str(&json::whole_characters(body)))
        .map_err(|error| Unreadable::NotJson(error.to_string()))?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Unreadable::NotJson("another kind of value".to_owned()))
        }
    }
}

/// The members of an object, by their names in camelCase or in `snake_case`; one of a wrong type is read as absent.
pub(super) struct Members<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).or_else(|| self.0.get(&snake_case(name)))
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A whole number, also where it is written with a fraction of zero; one that is out of range is the nearest that is not.
    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        #[allow(clippy::cast_possible_truncation, reason = "whole, and the cast saturates")]
        let from_double = |double: f64| (double.fract() == 0.0).then_some(double as i64);
        value.as_i64().or_else(|| value.as_f64().and_then(from_double))
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An object; an empty array is what PHP makes of an empty one.
    fn object(&self, name: &str) -> Option<Map<String, Value>> {
        match self.get(name)? {
            Value::Object(object) => Some(object.clone()),
            Value::Array(items) if items.is_empty() => Some(Map::new()),
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
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

/// `outcomeToken` as `outcome_token`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
