//! The attributes of a queue that can be set: their names, ranges and defaults.
//!
//! Source: `SetQueueAttributes` in the SQS API reference. 1 MiB messages came in August 2025.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::RedrivePolicy;
use crate::fault::Fault;

/// The most that any queue takes: body and attributes of a message, or of all the messages of a batch.
pub(crate) const MESSAGE_BYTES_MAX: u32 = 1_048_576;

/// How a queue behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) visibility_timeout_seconds: u32,
    pub(crate) delay_seconds: u32,
    pub(crate) message_bytes_max: u32,
    pub(crate) retention_seconds: u32,
    pub(crate) receive_wait_seconds: u32,
    pub(crate) redrive: Option<RedrivePolicy>,
}

impl Settings {
    /// These settings with some attributes changed.
    pub(crate) fn with(mut self, attributes: &BTreeMap<String, String>) -> Result<Self, Fault> {
        for (name, value) in attributes {
            self.set(name, value)?;
        }
        Ok(self)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "VisibilityTimeout" => self.visibility_timeout_seconds = within(name, value, 0..=43_200)?,
            "DelaySeconds" => self.delay_seconds = within(name, value, 0..=900)?,
            "MaximumMessageSize" => self.message_bytes_max = within(name, value, 1_024..=MESSAGE_BYTES_MAX)?,
            "MessageRetentionPeriod" => self.retention_seconds = within(name, value, 60..=1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait_seconds = within(name, value, 0..=20)?,
            "RedrivePolicy" => self.redrive = RedrivePolicy::parse(value)?,
            "FifoQueue" if value == "true" => {
                return Err(Fault::UnsupportedOperation(
                    "FIFO queues are not supported by this endpoint: use a standard queue.".into(),
                ));
            }
            _ => return Err(Fault::InvalidAttributeName(name.to_owned())),
        }
        Ok(())
    }

    /// Every attribute with its value as text, as `GetQueueAttributes` answers it.
    pub(crate) fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut attributes = vec![
            ("VisibilityTimeout", self.visibility_timeout_seconds.to_string()),
            ("DelaySeconds", self.delay_seconds.to_string()),
            ("MaximumMessageSize", self.message_bytes_max.to_string()),
            ("MessageRetentionPeriod", self.retention_seconds.to_string()),
            (
                "ReceiveMessageWaitTimeSeconds",
                self.receive_wait_seconds.to_string(),
            ),
        ];
        attributes.extend(
            self.redrive
                .as_ref()
                .map(|policy| ("RedrivePolicy", policy.to_json())),
        );
        attributes
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            visibility_timeout_seconds: 30,
            delay_seconds: 0,
            message_bytes_max: MESSAGE_BYTES_MAX,
            retention_seconds: 345_600,
            receive_wait_seconds: 0,
            redrive: None,
        }
    }
}

fn within(name: &str, value: &str, range: RangeInclusive<u32>) -> Result<u32, Fault> {
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| Fault::InvalidAttributeValue {
            name: name.to_owned(),
            reason: format!(
                "must be a whole number between {} and {}",
                range.start(),
                range.end()
            ),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Settings, Fault> {
        Settings::default().with(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn every_range_has_both_its_ends_and_nothing_beyond() {
        for (name, low, high) in [
            ("VisibilityTimeout", 0, 43_200),
            ("DelaySeconds", 0, 900),
            ("MaximumMessageSize", 1_024, 1_048_576),
            ("MessageRetentionPeriod", 60, 1_209_600),
            ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ] {
            for value in [low, high] {
                let settings = with(name, &value.to_string()).unwrap();
                assert!(
                    settings.attributes().contains(&(name, value.to_string())),
                    "{name}"
                );
            }
            for value in [low - 1, high + 1] {
                assert!(
                    matches!(
                        with(name, &value.to_string()),
                        Err(Fault::InvalidAttributeValue { .. })
                    ),
                    "{name} {value}"
                );
            }
        }
    }

    #[test]
    fn attributes_that_would_have_no_effect_are_refused() {
        for name in ["Policy", "KmsMasterKeyId", "Colour"] {
            assert!(
                matches!(with(name, "x"), Err(Fault::InvalidAttributeName(_))),
                "{name}"
            );
        }
        assert!(matches!(
            with("FifoQueue", "true"),
            Err(Fault::UnsupportedOperation(_))
        ));
    }
}
