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
        let told = [&event.message, &entry.message, &entry.sqs_message_id];
        let told: Vec<_> = told
            .into_iter()
            .filter(|text| !text.is_empty())
            .cloned()
            .collect();
        table.row([
            time(event.time.as_ref()).into(),
            event.r#type.into(),
            state_cell(event.state),
            event.revision.into(),
            event.dispatch.into(),
            (&entry.operator).into(),
            told.join(" · ").into(),
        ]);
    }
    table
}
