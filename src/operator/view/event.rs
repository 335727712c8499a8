//! A job's history as people read it.

use postern_proto::postern::admin::v1::JobEvent;

use super::text::{state_cell, time};
use crate::operator::Table;

/// An entry a row, oldest first.
pub(crate) fn events(events: &[JobEvent]) -> Table {
    let mut table = Table::new(&[
        "TIME", "EVENT", "STATE", "REVISION", "DISPATCH", "OPERATOR", "MESSAGE",
    ]);
    for entry in events {
        let event = entry.event.clone().unwrap_or_default();
        // What is kept for operators says all that the partner's sentence does.
        let told = [&entry.message, &event.message];
        let told = told.into_iter().find(|text| !text.is_empty());
        table.row([
            time(event.time.as_ref()).into(),
            (&event.r#type).into(),
            state_cell(event.state),
            event.revision.into(),
            event.dispatch.into(),
            (&entry.operator).into(),
            told.map_or("", String::as_str).into(),
        ]);
    }
    table
}
