//! What a message is, and what may become one. Pure; knows neither SQL nor HTTP.
//!
//! Source: "Amazon SQS message quotas" and `SendMessage` in the API reference.

mod attribute;
mod digest;

pub(crate) use attribute::{Attributes, RawAttribute, select};
pub(crate) use digest::{md5_of_attributes, md5_of_body, md5_of_trace_header};

use std::collections::BTreeMap;

use crate::fault::Fault;

/// What a client says of a message it sends.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    pub(crate) body: Option<String>,
    pub(crate) delay_seconds: Option<i64>,
    pub(crate) attributes: BTreeMap<String, RawAttribute>,
    pub(crate) system_attributes: BTreeMap<String, RawAttribute>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// A message that may be stored, if the queue takes its size.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) trace_header: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) delay_seconds: Option<u32>,
}

impl Draft {
    const DELAY_SECONDS_MAX: i64 = 900;
    const GROUP_CHARACTERS_MAX: usize = 128;

    pub(crate) fn parse(offer: Offer) -> Result<Self, Fault> {
        let Some(body) = offer.body.filter(|body| !body.is_empty()) else {
            return Err(Fault::MissingParameter("MessageBody"));
        };
        if !is_legal_text(&body) {
            return Err(Fault::InvalidMessageContents);
        }
        if offer.deduplication.is_some() {
            return Err(Fault::InvalidParameterValue(
                "Value for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.".into(),
            ));
        }
        Ok(Self {
            id: uuid::Uuid::now_v7().to_string(),
            body,
            attributes: attribute::parse(offer.attributes)?,
            trace_header: trace_header(offer.system_attributes)?,
            group: offer.group.map(group).transpose()?,
            delay_seconds: offer.delay_seconds.map(delay_seconds).transpose()?,
        })
    }

    /// What counts towards the limits: the body, and name, type and value of every attribute.
    pub(crate) fn size_bytes(&self) -> usize {
        self.body.len() + attribute::size_bytes(&self.attributes)
    }
}

/// Text that XML 1.0 can carry: production `Char` of its section 2.2.
fn is_legal_text(text: &str) -> bool {
    text.chars().all(|character| {
        matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
    })
}

fn group(text: String) -> Result<String, Fault> {
    let is_legal = (1..=Draft::GROUP_CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_legal {
        Ok(text)
    } else {
        Err(Fault::out_of_range(
            text,
            "MessageGroupId",
            "1 to 128 letters, digits and punctuation",
        ))
    }
}

fn delay_seconds(seconds: i64) -> Result<u32, Fault> {
    u32::try_from(seconds)
        .ok()
        .filter(|_| seconds <= Draft::DELAY_SECONDS_MAX)
        .ok_or_else(|| Fault::out_of_range(seconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900"))
}

/// The only system attribute there is for senders; it does not count towards the size.
fn trace_header(attributes: BTreeMap<String, RawAttribute>) -> Result<Option<String>, Fault> {
    let mut header = None;
    for (name, attribute) in attributes {
        if name != "AWSTraceHeader" {
            return Err(Fault::InvalidParameterValue(format!(
                "Message system attribute name '{name}' is invalid."
            )));
        }
        let checked = attribute::parse(BTreeMap::from([("TraceHeader".to_owned(), attribute)]))?;
        header = checked
            .into_values()
            .next()
            .and_then(attribute::Attribute::into_plain_string);
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(body: &str) -> Offer {
        Offer {
            body: Some(body.into()),
            ..Offer::default()
        }
    }

    #[test]
    fn a_body_holds_what_xml_can_carry_and_nothing_else() {
        for body in ["\t\n\r ~", "é漢\u{1F980}", "\u{FFFD}", "\u{10FFFF}"] {
            assert!(Draft::parse(offer(body)).is_ok(), "{body:?}");
        }
        for body in ["\0", "\u{8}", "\u{B}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
            assert_eq!(
                Draft::parse(offer(body)).unwrap_err(),
                Fault::InvalidMessageContents,
                "{body:?}"
            );
        }
    }

    #[test]
    fn an_empty_body_is_a_missing_one() {
        assert_eq!(
            Draft::parse(offer("")).unwrap_err(),
            Fault::MissingParameter("MessageBody")
        );
    }

    #[test]
    fn groups_are_short_and_plain() {
        for (group, legal) in [
            ("partner-1", true),
            (&*"g".repeat(128), true),
            (&*"g".repeat(129), false),
            ("a b", false),
            ("", false),
        ] {
            let offer = Offer {
                group: Some(group.into()),
                ..offer("x")
            };
            assert_eq!(Draft::parse(offer).is_ok(), legal, "{group:?}");
        }
    }

    #[test]
    fn delays_end_at_fifteen_minutes() {
        for (seconds, legal) in [
            (-1, false),
            (0, true),
            (900, true),
            (901, false),
            (1 << 40, false),
        ] {
            let offer = Offer {
                delay_seconds: Some(seconds),
                ..offer("x")
            };
            assert_eq!(Draft::parse(offer).is_ok(), legal, "{seconds}");
        }
    }
}
