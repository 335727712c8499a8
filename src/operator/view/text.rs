//! Words for what is in every answer.

use console::Style;
use postern_proto::postern::v1::JobState;
use prost_types::{Struct, Timestamp};

use crate::operator::Cell;
use crate::operator::json::Json;

/// A time to the second, in UTC (RFC 3339), as filters take it; nothing where there is none.
pub(super) fn time(time: Option<&Timestamp>) -> String {
    let Some(time) = time else {
        return String::new();
    };
    let second = Timestamp {
        seconds: time.seconds,
        nanos: 0,
    };
    second.to_string()
}

/// An enum's value without its prefix.
pub(super) fn short<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// A job's state.
pub(super) fn state(number: i32) -> &'static str {
    let state = JobState::try_from(number).unwrap_or_default();
    short(state.as_str_name(), "JOB_STATE_")
}

/// The same, painted.
pub(super) fn state_cell(number: i32) -> Cell {
    let style = match JobState::try_from(number).unwrap_or_default() {
        JobState::Unspecified | JobState::Queued => Style::new(),
        JobState::Running => Style::new().cyan(),
        JobState::Succeeded => Style::new().green(),
        JobState::Failed | JobState::Expired => Style::new().red(),
        JobState::Cancelled => Style::new().yellow(),
    };
    Cell::from(state(number)).painted(style)
}

/// An object as JSON.
pub(super) fn object(object: &Struct) -> String {
    let json = Json::default().line_of("google.protobuf.Struct", object);
    json.unwrap_or_default()
}
