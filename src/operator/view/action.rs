//! What operators did, and what is paused, as people read it.

use postern_proto::postern::admin::v1::pause::Subject;
use postern_proto::postern::admin::v1::{ActedOn, Action, JobAction, Pause};

use super::text::{short, state_cell, time};
use crate::operator::{Table, refusal};

/// An action a row.
pub(crate) fn actions(actions: &[Action]) -> Table {
    let mut table = Table::new(&["TIME", "OPERATOR", "ACTION", "ON", "REASON"]);
    for action in actions {
        let on = [&action.job_id, &action.subject];
        let on = on.into_iter().find(|text| !text.is_empty());
        table.row([
            time(action.time.as_ref()).into(),
            (&action.operator).into(),
            (&action.r#type).into(),
            on.map_or("", String::as_str).into(),
            (&action.reason).into(),
        ]);
    }
    table
}

/// A pause a row.
pub(crate) fn pauses(pauses: &[Pause]) -> Table {
    let mut table = Table::new(&["PAUSED", "SINCE", "OPERATOR", "REASON"]);
    for pause in pauses {
        let subject = match &pause.subject {
            None => String::new(),
            Some(Subject::JobType(name)) => format!("job type {name}"),
            Some(Subject::PartnerId(id)) => format!("partner {id}"),
        };
        table.row([
            subject.into(),
            time(pause.time.as_ref()).into(),
            (&pause.operator).into(),
            (&pause.reason).into(),
        ]);
    }
    table
}

/// A job and what became of it, or would, a row.
pub(crate) fn acted_on(jobs: &[ActedOn]) -> Table {
    let mut table = Table::new(&["JOB", "PARTNER", "TYPE", "STATE", "REFUSED"]);
    for acted_on in jobs {
        let job = acted_on.job.clone().unwrap_or_default();
        let seen = job.job.unwrap_or_default();
        let refused = acted_on.error.as_ref().map(refusal::text);
        table.row([
            seen.job_id.into(),
            job.partner_id.into(),
            seen.job_type.into(),
            state_cell(seen.state),
            refused.unwrap_or_default().into(),
        ]);
    }
    table
}

/// What is done, as the commands call it.
pub(crate) fn action(action: JobAction) -> String {
    short(action.as_str_name(), "JOB_ACTION_").to_lowercase()
}
