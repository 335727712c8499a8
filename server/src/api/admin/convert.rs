//! What the store knows of a job as the operators' messages.

use postern_proto::postern::admin::v1 as pb;

use super::super::convert::{self, timestamp};
use crate::job::DeadLetter;
use crate::store::operator::{Inspected, Sent};

/// A job as lists show it.
pub(super) fn job(inspected: &Inspected) -> pb::Job {
    let job = &inspected.job;
    pb::Job {
        job: Some(convert::job(job)),
        partner_id: job.partner.as_str().to_owned(),
        sendings: Vec::new(),
        dispatch_due: inspected.dispatch_due.map(timestamp),
        attempt: job.attempt.unwrap_or_default(),
        dead_letter: dead_letter(job.dead_letter).into(),
        paused: inspected.is_paused,
        traceparent: inspected.traceparent.clone(),
        payload: None,
        anomalies: 0,
    }
}

/// Once that its task went to the queue.
pub(super) fn sending(sent: Sent) -> pb::Sending {
    pb::Sending {
        dispatch: sent.dispatch,
        time: Some(timestamp(sent.time)),
        sqs_message_id: sent.sqs_message_id.unwrap_or_default(),
    }
}

const fn dead_letter(dead_letter: Option<DeadLetter>) -> pb::DeadLetter {
    match dead_letter {
        None => pb::DeadLetter::Unspecified,
        Some(DeadLetter::Failing) => pb::DeadLetter::Failing,
        Some(DeadLetter::Held) => pb::DeadLetter::Held,
    }
}
