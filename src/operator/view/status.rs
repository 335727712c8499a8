//! How things stand, as people read it.

use postern_proto::postern::admin::v1::{GetStatusResponse, JobTypeStatus, QueueRole, QueueStatus};

use super::text::time;
use crate::operator::Table;

/// The queues, then the job types, then what is remarkable.
pub(crate) fn status(status: &GetStatusResponse) -> String {
    let mut parts = vec![
        queues(&status.queues).to_string(),
        job_types(&status.job_types).to_string(),
    ];
    let remarks = [
        (status.quarantined, "messages in quarantine"),
        (status.anomalies, "reports and dead letters that came too late"),
    ];
    let remarks = remarks.iter().filter(|(count, _)| *count > 0);
    let mut remarks: Vec<_> = remarks.map(|(count, what)| format!("{count} {what}")).collect();
    if !status.pauses.is_empty() {
        remarks.push(super::pauses(&status.pauses).to_string());
    }
    parts.push(remarks.join("\n"));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn queues(queues: &[QueueStatus]) -> Table {
    let header = [
        "QUEUE",
        "ROLE",
        "VISIBLE",
        "IN FLIGHT",
        "DELAYED",
        "DEAD",
        "TRIES",
        "TIMEOUT S",
        "NOTE",
    ];
    let mut table = Table::new(&header);
    for queue in queues {
        let role = match queue.role() {
            QueueRole::Unspecified => "",
            QueueRole::Tasks => "tasks",
            QueueRole::Outcomes => "outcomes",
        };
        let note = match (queue.error.as_str(), queue.dead_letter_queue.as_str()) {
            ("", "") => "no dead-letter queue",
            (error, _) => error,
        };
        table.row([
            (&queue.name).into(),
            role.into(),
            queue.visible.into(),
            queue.in_flight.into(),
            queue.delayed.into(),
            queue.dead_letters.into(),
            queue.max_receive_count.into(),
            queue.visibility_timeout_seconds.into(),
            note.into(),
        ]);
    }
    table
}

fn job_types(job_types: &[JobTypeStatus]) -> Table {
    let mut table = Table::new(&[
        "JOB TYPE",
        "QUEUE",
        "UNSENT",
        "SINCE",
        "NOT STARTED",
        "SINCE",
        "RUNNING",
        "OVERDUE",
        "HELD",
    ]);
    for of_type in job_types {
        table.row([
            (&of_type.job_type).into(),
            (&of_type.queue).into(),
            of_type.unsent.into(),
            time(of_type.oldest_unsent_time.as_ref()).into(),
            of_type.not_started.into(),
            time(of_type.oldest_not_started_time.as_ref()).into(),
            of_type.running.into(),
            of_type.overdue.into(),
            of_type.held.into(),
        ]);
    }
    table
}
