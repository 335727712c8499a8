//! What is asked for when a job is submitted, or submitted again: read whole, with all that is wrong with it by itself.
//!
//! Knows nothing of what the catalog allows.

use std::collections::BTreeMap;

use postern_proto::postern::v1::SubmitJobRequest;
use serde_json::{Map, Value, json};
use tonic::Code;

use super::problem::{Problem, Violation};
use super::{convert, payload};
use crate::canonical::canonical;
use crate::job::{Job, Timeouts};

const LABELS_MAX: usize = 16;
const LABEL_KEY_CHARS_MAX: usize = 63;
const LABEL_VALUE_BYTES_MAX: usize = 256;

/// A request whose payload is JSON, with what is wrong with it by itself.
pub(super) struct Asked {
    pub(super) job_type: String,
    pub(super) payload: Value,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) queue_timeout: Option<i64>,
    pub(super) execution_timeout: Option<i64>,
    /// Whether it holds all that the request said: one that does not is the same as no other.
    pub(super) is_whole: bool,
    /// Tells whether two requests are the same.
    pub(super) digest: [u8; 32],
    pub(super) violations: Vec<Violation>,
}

impl Asked {
    /// What a request asks for.
    pub(super) fn read(request: SubmitJobRequest) -> Result<Self, Problem> {
        let payload = payload::to_json(request.payload.unwrap_or_default(), "/payload")
            .map_err(|violations| payload_invalid(&request.job_type, violations))?;
        let mut asked = Self {
            job_type: request.job_type,
            payload: Value::Object(payload),
            labels: request.labels.into_iter().collect(),
            queue_timeout: None,
            execution_timeout: None,
            is_whole: true,
            digest: [0; 32],
            violations: Vec::new(),
        };
        if asked.job_type.is_empty() {
            asked.refuse("/jobType", "REQUIRED", "must be the name of a job type");
        }
        if !request.attachments.is_empty() {
            asked.is_whole = false;
            asked.refuse(
                "/attachments",
                "NOT_AVAILABLE",
                "attachments are not available yet",
            );
        }
        asked.queue_timeout = asked.timeout("/queueTimeout", request.queue_timeout.as_ref());
        asked.execution_timeout = asked.timeout("/executionTimeout", request.execution_timeout.as_ref());
        asked.check_labels();
        asked.digest = asked.sha256();
        Ok(asked)
    }

    /// What a job was asked for, as its partner would ask again, with these clocks.
    pub(super) fn again(job: &Job, payload: Value, clocks: Timeouts) -> Self {
        let mut asked = Self {
            job_type: job.job_type.clone(),
            payload,
            labels: job.labels.clone(),
            queue_timeout: Some(clocks.queue_millis),
            execution_timeout: Some(clocks.execution_millis),
            is_whole: true,
            digest: [0; 32],
            violations: Vec::new(),
        };
        asked.check_labels();
        asked.digest = asked.sha256();
        asked
    }

    /// SHA-256 of the request as canonical JSON, a field at its default like an absent one. Neither the key nor `validate_only` counts.
    fn sha256(&self) -> [u8; 32] {
        let mut request = Map::new();
        let mut add =
            |name: &str, value: Option<Value>| value.map(|value| request.insert(name.to_owned(), value));
        add(
            "jobType",
            (!self.job_type.is_empty()).then(|| json!(self.job_type)),
        );
        add(
            "payload",
            (self.payload != json!({})).then(|| self.payload.clone()),
        );
        add("labels", (!self.labels.is_empty()).then(|| json!(self.labels)));
        add("queueTimeout", self.queue_timeout.map(Value::from));
        add("executionTimeout", self.execution_timeout.map(Value::from));
        let digest = ring::digest::digest(&ring::digest::SHA256, &canonical(&Value::Object(request)));
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    fn timeout(&mut self, field: &str, duration: Option<&prost_types::Duration>) -> Option<i64> {
        let duration = duration?;
        let millis = convert::millis_from(duration);
        if millis.is_none() {
            self.is_whole = false;
            self.refuse(field, "OUT_OF_RANGE", "must be positive");
        }
        millis
    }

    fn check_labels(&mut self) {
        if self.labels.len() > LABELS_MAX {
            self.refuse("/labels", "TOO_MANY", "at most 16 labels");
        }
        let mut violations = Vec::new();
        for (key, value) in &self.labels {
            let field = format!("/labels/{}", payload::escape(key));
            if !is_label_key(key) {
                violations.push(Violation::new(
                    &field,
                    "INVALID_VALUE",
                    "keys are 1-63 characters of [a-z0-9_.-]",
                ));
            }
            if value.len() > LABEL_VALUE_BYTES_MAX {
                violations.push(Violation::new(&field, "TOO_LONG", "values are at most 256 bytes"));
            }
            if value.contains('\0') {
                violations.push(Violation::nul(&field));
            }
        }
        self.violations.extend(violations);
    }

    fn refuse(&mut self, field: &str, reason: &str, description: &str) {
        self.violations.push(Violation::new(field, reason, description));
    }
}

fn is_label_key(key: &str) -> bool {
    (1..=LABEL_KEY_CHARS_MAX).contains(&key.len())
        && key
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
}

pub(super) fn payload_invalid(job_type: &str, violations: Vec<Violation>) -> Problem {
    let count = violations.len();
    let plural = if count == 1 { "" } else { "s" };
    let message = format!("payload does not fit {job_type}: {count} violation{plural}");
    Problem::new(Code::InvalidArgument, "PAYLOAD_INVALID", message).with_violations(violations)
}
