//! Which jobs are meant: a filter with everything that is wrong with it.

use postern_proto::postern::admin::v1::{JobCondition, JobFilter};
use prost::Message;

use super::super::convert;
use super::super::list::time;
use super::super::problem::Violation;
use crate::job::{PartnerId, State};
use crate::store::operator::{Condition, Filter};

/// The filter of a request's field `filter`.
pub(super) fn read(asked: &JobFilter, violations: &mut Vec<Violation>) -> Filter {
    let mut text = |field: &str, text: &str| {
        if text.contains('\0') {
            violations.push(Violation::nul(field));
        }
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    let partner = text("/filter/partnerId", &asked.partner_id).map(PartnerId::new);
    let job_type = text("/filter/jobType", &asked.job_type);
    Filter {
        partner,
        job_type,
        states: states(&asked.states, violations),
        condition: condition(asked.condition, violations),
        created_after: time("/filter/createdAfter", asked.created_after.as_ref(), violations),
        created_before: time("/filter/createdBefore", asked.created_before.as_ref(), violations),
        updated_before: time("/filter/updatedBefore", asked.updated_before.as_ref(), violations),
    }
}

/// What page tokens are bound to. It has no map, so its encoding is one and the same.
pub(super) fn key(asked: &JobFilter) -> Vec<u8> {
    asked.encode_to_vec()
}

fn states(numbers: &[i32], violations: &mut Vec<Violation>) -> Vec<State> {
    let mut states = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        match convert::state_from(*number) {
            Some(state) if states.contains(&state) => {}
            Some(state) => states.push(state),
            None => violations.push(Violation::new(
                format!("/filter/states/{index}"),
                "INVALID_VALUE",
                "must be a state of jobs",
            )),
        }
    }
    states
}

fn condition(number: i32, violations: &mut Vec<Violation>) -> Option<Condition> {
    match JobCondition::try_from(number) {
        Ok(JobCondition::Unspecified) => None,
        Ok(JobCondition::Unsent) => Some(Condition::Unsent),
        Ok(JobCondition::NotStarted) => Some(Condition::NotStarted),
        Ok(JobCondition::Overdue) => Some(Condition::Overdue),
        Ok(JobCondition::DeadLettered) => Some(Condition::DeadLettered),
        Ok(JobCondition::Held) => Some(Condition::Held),
        Ok(JobCondition::Anomalous) => Some(Condition::Anomalous),
        Err(_unknown) => {
            let description = "must be a condition of jobs";
            violations.push(Violation::new("/filter/condition", "INVALID_VALUE", description));
            None
        }
    }
}
