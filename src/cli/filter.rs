//! Which jobs: the same flags wherever jobs are chosen.

use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use postern_proto::postern::admin::v1::{JobCondition, JobFilter};
use postern_proto::postern::v1::JobState;
use prost_types::Timestamp;

/// All that are given must hold.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which jobs")]
pub struct Filter {
    /// Of this partner.
    #[arg(long, value_name = "ID")]
    pub partner: Option<String>,
    /// Of this job type.
    #[arg(long, value_name = "NAME")]
    pub job_type: Option<String>,
    /// In one of these states, several by comma.
    #[arg(long = "state", value_enum, value_delimiter = ',', value_name = "STATE")]
    pub states: Vec<State>,
    /// Of which this is true.
    #[arg(long, value_enum)]
    pub condition: Option<Condition>,
    /// Created since then: a time (2026-01-31T09:00:00Z), or how long ago (90s, 15m, 2h, 7d).
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub created_after: Option<Timestamp>,
    /// Created before then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub created_before: Option<Timestamp>,
    /// Unchanged since then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub updated_before: Option<Timestamp>,
}

/// What a job may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the proto says what each is")]
pub enum State {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Expired,
}

/// What an operator looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Condition {
    /// Its task is to be handed out and was not, be it that it waits for its time.
    Unsent,
    /// Its task was handed out, and nobody has reported a start or an outcome.
    NotStarted,
    /// Its deadline has passed and it has not ended.
    Overdue,
    /// Its task lies among the dead letters, held or not.
    DeadLettered,
    /// It waits for an operator.
    Held,
    /// Something came too late for it.
    Anomalous,
}

impl Filter {
    /// As the API has it.
    #[must_use]
    pub fn to_proto(&self) -> JobFilter {
        JobFilter {
            partner_id: self.partner.clone().unwrap_or_default(),
            job_type: self.job_type.clone().unwrap_or_default(),
            states: self.states.iter().map(|state| state.to_proto().into()).collect(),
            condition: self
                .condition
                .map_or(JobCondition::Unspecified, Condition::to_proto)
                .into(),
            created_after: self.created_after,
            created_before: self.created_before,
            updated_before: self.updated_before,
        }
    }

    /// Whether it leaves nobody out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to_proto() == JobFilter::default()
    }
}

impl State {
    const fn to_proto(self) -> JobState {
        match self {
            Self::Queued => JobState::Queued,
            Self::Running => JobState::Running,
            Self::Succeeded => JobState::Succeeded,
            Self::Failed => JobState::Failed,
            Self::Cancelled => JobState::Cancelled,
            Self::Expired => JobState::Expired,
        }
    }
}

impl Condition {
    const fn to_proto(self) -> JobCondition {
        match self {
            Self::Unsent => JobCondition::Unsent,
            Self::NotStarted => JobCondition::NotStarted,
            Self::Overdue => JobCondition::Overdue,
            Self::DeadLettered => JobCondition::DeadLettered,
            Self::Held => JobCondition::Held,
            Self::Anomalous => JobCondition::Anomalous,
        }
    }
}

/// A time, or how long ago.
fn time(text: &str) -> Result<Timestamp, String> {
    let refused =
        || format!("{text:?} is neither a time like 2026-01-31T09:00:00Z nor an age with s, m, h or d");
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let ago = age(text).ok_or_else(refused)?;
    let then = SystemTime::now().checked_sub(ago).ok_or_else(refused)?;
    Ok(Timestamp::from(then))
}

fn age(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_an_age() {
        let moment = time("2026-01-31T09:00:00Z").unwrap();
        assert_eq!(moment.to_string(), "2026-01-31T09:00:00Z");
        let age = SystemTime::now()
            .duration_since(time("2h").unwrap().try_into().unwrap())
            .unwrap();
        assert!(age.abs_diff(Duration::from_hours(2)) < Duration::from_secs(60));
        for text in [
            "",
            "2",
            "h",
            "2w",
            "-1h",
            "yesterday",
            "18446744073709551615d",
            "é",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_that_says_nothing_is_known() {
        assert!(Filter::default().is_empty());
        let states = vec![State::Queued];
        assert!(
            !Filter {
                states,
                ..Filter::default()
            }
            .is_empty()
        );
    }
}
