//! A job as an operator reads it.

use std::fmt::Write as _;
use std::time::SystemTime;

use postern_proto::postern::admin::v1::{DeadLetter, Job};
use postern_proto::postern::v1::{self as partner, JobState};

use super::text;
use crate::console::escape;
use crate::operator::refusal;
use crate::operator::{Cell, Table};

/// A job a row.
pub(crate) fn jobs(jobs: &[Job]) -> Table {
    let mut table = Table::new(&["JOB", "PARTNER", "TYPE", "STATE", "UPDATED", "NOTE"]);
    let now = SystemTime::now();
    for job in jobs {
        let updated = job.job.as_ref().and_then(|seen| seen.update_time);
        table.row(row(job, text::ago(updated, now), now));
    }
    table
}

/// A job on a line of its own, which changes only as the job does.
pub(crate) fn job_line(job: &Job) -> String {
    let mut line = Table::default();
    let updated = job.job.as_ref().and_then(|seen| seen.update_time);
    line.row(row(job, text::time(updated.as_ref()), SystemTime::now()));
    line.to_string()
}

fn row(job: &Job, updated: String, now: SystemTime) -> [Cell; 6] {
    let seen = job.job.clone().unwrap_or_default();
    [
        (&seen.job_id).into(),
        (&job.partner_id).into(),
        (&seen.job_type).into(),
        text::state_cell(seen.state),
        updated.into(),
        notes(job, &seen, now).join(", ").into(),
    ]
}

/// A job's state in words.
pub(crate) fn state(job: &Job) -> &'static str {
    text::state(job.job.as_ref().map_or(0, |seen| seen.state))
}

/// Whether nothing more becomes of a job.
pub(crate) fn is_terminal(job: &Job) -> bool {
    match job.job.as_ref().map(partner::Job::state) {
        None | Some(JobState::Unspecified | JobState::Queued | JobState::Running) => false,
        Some(JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Expired) => true,
    }
}

/// What an operator should notice.
fn notes(job: &Job, seen: &partner::Job, now: SystemTime) -> Vec<String> {
    let mut notes = Vec::new();
    match job.dead_letter() {
        DeadLetter::Unspecified => {}
        DeadLetter::Failing => notes.push("dead letter, failing".to_owned()),
        DeadLetter::Held => notes.push("dead letter, held".to_owned()),
    }
    let is_past = |deadline: prost_types::Timestamp| SystemTime::try_from(deadline).is_ok_and(|at| at < now);
    if !is_terminal(job) && seen.deadline.is_some_and(is_past) {
        notes.push("overdue".to_owned());
    }
    if job.paused {
        notes.push("paused".to_owned());
    }
    if job.dispatch_due.is_some() {
        notes.push("unsent".to_owned());
    }
    if seen.cancel_requested && !is_terminal(job) {
        notes.push("cancel requested".to_owned());
    }
    if job.anomalies > 0 {
        notes.push(format!("{} too late", job.anomalies));
    }
    if let Some(error) = &seen.error {
        notes.push(refusal::reason(error).unwrap_or_else(|| error.message.clone()));
    }
    if let Some(progress) = seen.progress.as_ref().filter(|_| !is_terminal(job)) {
        notes.push(self::progress(progress));
    }
    notes
}

/// Everything that is known of a job, a line each.
pub(crate) fn job(job: &Job) -> String {
    let mut lines = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(lines, "{name:<16}{}", escape(&value));
        }
    };
    let seen = job.job.clone().unwrap_or_default();
    line("job", seen.job_id.clone());
    line("partner", job.partner_id.clone());
    line(
        "type",
        format!("{}, version {}", seen.job_type, seen.job_type_version),
    );
    line(
        "state",
        format!("{}, revision {}", text::state(seen.state), seen.revision),
    );
    line("note", notes(job, &seen, SystemTime::now()).join(", "));
    for (name, time) in [
        ("created", seen.create_time),
        ("started", seen.start_time),
        ("updated", seen.update_time),
        ("ended", seen.end_time),
        ("deadline", seen.deadline),
        ("purged at", seen.purge_time),
        ("to be sent at", job.dispatch_due),
    ] {
        line(name, text::time(time.as_ref()));
    }
    line("dispatch", tries(job, &seen));
    line(
        "progress",
        seen.progress.as_ref().map(progress).unwrap_or_default(),
    );
    for (index, text) in seen.error.iter().flat_map(refusal::lines).enumerate() {
        line(if index == 0 { "error" } else { "" }, text);
    }
    line("labels", labels(&seen));
    line("request id", seen.request_id.clone());
    line("retry of", seen.retried_from.clone());
    line("retried by", seen.retried_by.clone());
    line("traceparent", job.traceparent.clone());
    for sending in &job.sendings {
        let (time, id) = (text::time(sending.time.as_ref()), &sending.sqs_message_id);
        line(
            "sent",
            format!("{time}, dispatch {}, SQS message {id}", sending.dispatch),
        );
    }
    for (name, value) in [("result", &seen.result), ("payload", &job.payload)] {
        line(name, value.as_ref().map(text::object).unwrap_or_default());
    }
    lines.trim_end().to_owned()
}

fn tries(job: &Job, seen: &partner::Job) -> String {
    match job.attempt {
        0 => seen.dispatch.to_string(),
        attempt => format!("{}, attempt {attempt}", seen.dispatch),
    }
}

fn progress(progress: &partner::Progress) -> String {
    let of = match progress.total {
        0 => String::new(),
        total => format!("/{total}"),
    };
    format!("{}{of} {}", progress.completed, progress.message)
        .trim_end()
        .to_owned()
}

fn labels(seen: &partner::Job) -> String {
    let mut labels: Vec<_> = seen
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    labels.sort();
    labels.join(" ")
}
