//! A task as JSON: what a consumer gets (proto/messages/task.schema.json).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::job::{Job, Timestamp};
use crate::json::xml_safe;

/// A task of one dispatch of a job, ready to be sent.
#[derive(Debug, Clone)]
pub struct Task {
    /// The consumer's type: the message attribute `type`, by which Symfony finds the class.
    pub consumer_type: String,
    /// Name or URL of its queue, where its job type has one of its own.
    pub queue: Option<String>,
    /// Whose job it is: fair queues keep one partner from delaying the others.
    pub partner: String,
    /// The W3C trace context, empty where there is none.
    pub traceparent: String,
    /// The body.
    pub body: String,
}

/// What the body is made of, beside the job.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The payload as JSON text.
    pub payload: &'a str,
    /// What the consumer must send back in every outcome.
    pub outcome_token: &'a str,
    /// W3C `traceparent`.
    pub traceparent: &'a str,
    /// W3C `tracestate`.
    pub tracestate: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    job_id: String,
    job_type: &'a str,
    job_type_version: &'a str,
    partner_id: &'a str,
    dispatch: i32,
    deadline: String,
    payload: &'a RawValue,
    payload_ref: Option<()>,
    attachments: [(); 0],
    labels: &'a BTreeMap<String, String>,
    outcome_token: &'a str,
    trace: Trace<'a>,
}

#[derive(Serialize)]
struct Trace<'a> {
    traceparent: &'a str,
    tracestate: &'a str,
}

impl Task {
    /// The task of a job's current dispatch.
    ///
    /// # Errors
    /// When the payload is not JSON.
    pub fn new(job: &Job, consumer_type: String, parts: Parts<'_>) -> Result<Self, serde_json::Error> {
        let body = Body {
            job_id: job.id.to_string(),
            job_type: &job.job_type,
            job_type_version: &job.job_type_version,
            partner_id: job.partner.as_str(),
            dispatch: job.dispatch,
            deadline: rfc3339(job.deadline),
            payload: serde_json::from_str(parts.payload)?,
            payload_ref: None,
            attachments: [],
            labels: &job.labels,
            outcome_token: parts.outcome_token,
            trace: Trace {
                traceparent: parts.traceparent,
                tracestate: parts.tracestate,
            },
        };
        Ok(Self {
            consumer_type,
            queue: None,
            partner: job.partner.as_str().to_owned(),
            traceparent: parts.traceparent.to_owned(),
            body: xml_safe(serde_json::to_string(&body)?),
        })
    }

    /// What goes beside the body as message attributes, each a String. None is empty: SQS refuses attributes without a value.
    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let attributes = [
            ("type", self.consumer_type.as_str()),
            ("Content-Type", "application/json"),
            ("traceparent", self.traceparent.as_str()),
        ];
        attributes.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// The message as a request of SQS's `SendMessage` without its queue: one line of JSON.
    #[must_use]
    pub fn as_request(&self) -> String {
        let attribute = |(name, value): (&str, &str)| {
            let typed = json!({"DataType": "String", "StringValue": value});
            (name.to_owned(), typed)
        };
        let attributes: serde_json::Map<_, _> = self.attributes().map(attribute).collect();
        json!({"MessageBody": self.body, "MessageAttributes": attributes}).to_string()
    }
}

fn rfc3339(time: Timestamp) -> String {
    let seconds = time.millis().div_euclid(1000);
    let nanos = i32::try_from(time.millis().rem_euclid(1000)).expect("below 1000") * 1_000_000;
    prost_types::Timestamp { seconds, nanos }.to_string()
}
