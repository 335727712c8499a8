//! Words for what is in every answer.

use std::time::SystemTime;

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

/// How long ago that was, in the largest unit.
pub(super) fn ago(time: Option<Timestamp>, now: SystemTime) -> String {
    let Some(then) = time.and_then(|time| SystemTime::try_from(time).ok()) else {
        return String::new();
    };
    let seconds = now.duration_since(then).unwrap_or_default().as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "m"),
        3_600..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count}{unit} ago")
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_age_is_told_in_one_unit() {
        let now = SystemTime::now();
        let told = |seconds| ago(Some(Timestamp::from(now - Duration::from_secs(seconds))), now);
        let ages = [0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(told);
        assert_eq!(
            ages,
            [
                "0s ago", "59s ago", "1m ago", "59m ago", "1h ago", "47h ago", "2d ago"
            ]
        );
        let later = Timestamp::from(now + Duration::from_secs(5));
        assert_eq!(ago(Some(later), now), "0s ago", "another clock");
        assert_eq!(ago(None, now), "");
    }
}
