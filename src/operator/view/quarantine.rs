//! Messages that could not be used, as people read them.

use postern_proto::postern::admin::v1::QuarantinedMessage;

use super::text::time;
use crate::console::escape;
use crate::operator::Table;

/// A message a row.
pub(crate) fn quarantined(messages: &[QuarantinedMessage]) -> Table {
    let mut table = Table::new(&["MESSAGE", "TIME", "JOB", "BYTES", "NOTE", "REASON"]);
    for message in messages {
        table.row([
            (&message.quarantine_id).into(),
            time(message.time.as_ref()).into(),
            (&message.job_id).into(),
            message.size_bytes.into(),
            note(message).into(),
            (&message.reason).into(),
        ]);
    }
    table
}

/// A message with its body, which may be anything.
pub(crate) fn quarantined_message(message: &QuarantinedMessage) -> String {
    let body = String::from_utf8_lossy(&message.body);
    let lines = [
        ("message", message.quarantine_id.as_str()),
        ("time", &time(message.time.as_ref())),
        ("reason", &message.reason),
        ("note", note(message)),
        ("job", &message.job_id),
        ("SQS message", &message.sqs_message_id),
        ("bytes", &message.size_bytes.to_string()),
        ("body", &body),
    ]
    .map(|(name, value)| (name, escape(value).into_owned()));
    let lines = lines.iter().filter(|(_, value)| !value.is_empty());
    let lines: Vec<_> = lines.map(|(name, value)| format!("{name:<13}{value}")).collect();
    lines.join("\n")
}

const fn note(message: &QuarantinedMessage) -> &'static str {
    if message.replaying { "replaying" } else { "" }
}
