//! Where messages go that were received too often, and the ARNs by which queues name one another.

use serde::{Deserialize, Serialize};

use super::QueueName;
use crate::fault::Fault;

/// The one account there is.
pub(crate) const ACCOUNT: &str = "000000000000";

/// The `RedrivePolicy` attribute of a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: u32,
}

impl RedrivePolicy {
    const RECEIVES_MAX: u32 = 1_000;

    /// Reads the attribute's value; the empty string takes a policy away.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        let shape: Shape = serde_json::from_str(text).map_err(|error| Fault::InvalidAttributeValue {
            name: "RedrivePolicy".into(),
            reason: error.to_string(),
        })?;
        let Some(max_receive_count) = shape.max_receive_count.within(1..=Self::RECEIVES_MAX) else {
            return Err(Self::refused(
                text,
                "maxReceiveCount must be a whole number between 1 and 1000",
            ));
        };
        let policy = Self {
            dead_letter_target_arn: shape.dead_letter_target_arn,
            max_receive_count,
        };
        if policy.target().is_none() {
            return Err(Self::refused(
                text,
                "deadLetterTargetArn is not the ARN of a queue of this account",
            ));
        }
        Ok(Some(policy))
    }

    pub(crate) fn refused(value: &str, reason: &str) -> Fault {
        Fault::out_of_range(value, "RedrivePolicy", reason)
    }

    /// The dead-letter queue; its region does not matter here. `None` cannot happen after [`Self::parse`].
    pub(crate) fn target(&self) -> Option<QueueName> {
        queue_of(&self.dead_letter_target_arn)
    }

    /// A message received this often is not delivered again.
    pub(crate) fn receives_max(&self) -> u32 {
        self.max_receive_count
    }

    /// The attribute's value in the canonical form that AWS answers.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a string and a number are always JSON")
    }
}

/// Whatever regions their clients have signed for, two policies are the same that do the same.
impl PartialEq for RedrivePolicy {
    fn eq(&self, other: &Self) -> bool {
        (self.target(), self.max_receive_count) == (other.target(), other.max_receive_count)
    }
}

impl Eq for RedrivePolicy {}

/// `arn:aws:sqs:<region>:000000000000:<name>`
pub(crate) fn arn(region: &str, name: &QueueName) -> String {
    format!("arn:aws:sqs:{region}:{ACCOUNT}:{}", name.as_str())
}

/// The queue of this account that an ARN names, whatever its region.
pub(crate) fn queue_of(arn: &str) -> Option<QueueName> {
    let (_, name) = arn
        .strip_prefix("arn:aws:sqs:")?
        .split_once(&format!(":{ACCOUNT}:"))?;
    QueueName::parse(name).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    dead_letter_target_arn: String,
    max_receive_count: Count,
}

/// Consoles and older SDKs write the count as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u32),
    Text(String),
}

impl Count {
    fn within(&self, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let count = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().ok()?,
        };
        range.contains(&count).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_may_be_a_number_or_a_string_and_is_answered_as_a_number() {
        for count in ["5", "\"5\""] {
            let text = format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:x:000000000000:dead","maxReceiveCount":{count}}}"#
            );
            let policy = RedrivePolicy::parse(&text).unwrap().unwrap();
            assert_eq!(policy.target(), Some(QueueName::parse("dead").unwrap()));
            assert_eq!(
                policy.to_json(),
                r#"{"deadLetterTargetArn":"arn:aws:sqs:x:000000000000:dead","maxReceiveCount":5}"#
            );
        }
    }

    #[test]
    fn policies_that_differ_in_the_region_alone_are_the_same() {
        let policy = |arn: &str, count: u32| {
            let text = format!(r#"{{"deadLetterTargetArn":"arn:aws:sqs:{arn}","maxReceiveCount":{count}}}"#);
            RedrivePolicy::parse(&text).unwrap()
        };
        let known = policy("us-east-1:000000000000:dead", 5);
        assert_eq!(policy("eu-west-1:000000000000:dead", 5), known);
        assert_ne!(policy("us-east-1:000000000000:other", 5), known);
        assert_ne!(policy("us-east-1:000000000000:dead", 4), known);
    }

    #[test]
    fn counts_and_targets_out_of_range_are_refused() {
        for (arn, count) in [
            ("arn:aws:sqs:x:000000000000:dead", "0"),
            ("arn:aws:sqs:x:000000000000:dead", "1001"),
            ("arn:aws:sqs:x:111111111111:dead", "5"),
            ("dead", "5"),
        ] {
            let text = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{count}}}"#);
            assert!(
                matches!(RedrivePolicy::parse(&text), Err(Fault::InvalidParameterValue(_))),
                "{text}"
            );
        }
        assert!(matches!(
            RedrivePolicy::parse("{"),
            Err(Fault::InvalidAttributeValue { .. })
        ));
    }
}
