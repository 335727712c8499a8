//! Message attributes: what names, types and values may be, and which of them a receiver asked for.
//!
//! Source: "Amazon SQS message attributes" in the developer guide.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::is_legal_text;
use crate::fault::Fault;

/// Checked attributes in the order of their names, which is the order in which they are digested.
pub(crate) type Attributes = BTreeMap<String, Attribute>;

/// An attribute that was checked. Written as JSON it has the shape of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    #[serde(rename = "DataType")]
    pub(super) data_type: String,
    #[serde(flatten)]
    pub(super) value: Value,
}

/// The two ways in which values travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Value {
    #[serde(rename = "StringValue")]
    Text(String),
    #[serde(rename = "BinaryValue", with = "base64_text")]
    Binary(Vec<u8>),
}

impl Attribute {
    /// The value, if the type is exactly `String`.
    pub(super) fn into_plain_string(self) -> Option<String> {
        match self.value {
            Value::Text(text) if self.data_type == "String" => Some(text),
            Value::Text(_) | Value::Binary(_) => None,
        }
    }

    fn size_bytes(&self) -> usize {
        let value_bytes = match &self.value {
            Value::Text(text) => text.len(),
            Value::Binary(bytes) => bytes.len(),
        };
        self.data_type.len() + value_bytes
    }
}

/// An attribute as it came.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RawAttribute {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<String>,
    string_list_values: Option<serde_json::Value>,
    binary_list_values: Option<serde_json::Value>,
}

const ATTRIBUTES_MAX: usize = 10;
const NAME_CHARACTERS_MAX: usize = 256;
const TYPE_CHARACTERS_MAX: usize = 256;

/// Checks all attributes of one message.
pub(super) fn parse(raw: BTreeMap<String, RawAttribute>) -> Result<Attributes, Fault> {
    if raw.len() > ATTRIBUTES_MAX {
        return Err(Fault::InvalidParameterValue(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].",
            raw.len()
        )));
    }
    raw.into_iter()
        .map(|(name, attribute)| {
            check_name(&name)?;
            let attribute = check(&name, attribute)?;
            Ok((name, attribute))
        })
        .collect()
}

/// Name, type and value of every attribute.
pub(super) fn size_bytes(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, attribute)| name.len() + attribute.size_bytes())
        .sum()
}

/// The attributes that a receiver asked for: by name, by `prefix.*`, or all by `All` and `.*`.
pub(crate) fn select(mut attributes: Attributes, wanted: &[String]) -> Attributes {
    attributes.retain(|name, _| wanted.iter().any(|pattern| matches(name, pattern)));
    attributes
}

/// AWS compares what stands before `.*` with the start of the name, so `col.*` also asks for `color`.
fn matches(name: &str, pattern: &str) -> bool {
    pattern == "All"
        || pattern == name
        || pattern
            .strip_suffix(".*")
            .is_some_and(|prefix| name.starts_with(prefix))
}

fn check_name(name: &str) -> Result<(), Fault> {
    let lower = name.to_ascii_lowercase();
    let is_legal = (1..=NAME_CHARACTERS_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.");
    if is_legal {
        Ok(())
    } else {
        Err(Fault::InvalidParameterValue(format!(
            "Message attribute name '{name}' is invalid."
        )))
    }
}

fn check(name: &str, raw: RawAttribute) -> Result<Attribute, Fault> {
    if has_items(raw.string_list_values.as_ref()) || has_items(raw.binary_list_values.as_ref()) {
        return Err(Fault::UnsupportedOperation(
            "Message attribute list values in SendMessage operation are not supported.".into(),
        ));
    }
    let data_type = raw.data_type.unwrap_or_default();
    let kind = data_type.split('.').next().unwrap_or_default();
    let is_known = matches!(kind, "String" | "Number" | "Binary") && !data_type.ends_with('.');
    if !is_known || data_type.len() > TYPE_CHARACTERS_MAX {
        return Err(Fault::InvalidParameterValue(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
        )));
    }
    let value = match kind {
        "Binary" => non_empty(raw.binary_value).map(|encoded| binary(name, &encoded)),
        "Number" => non_empty(raw.string_value).map(|text| number(name, text)),
        _ => non_empty(raw.string_value).map(text),
    };
    let Some(value) = value else {
        return Err(Fault::InvalidParameterValue(format!(
            "The message attribute '{name}' must contain a non-empty message attribute value of type '{kind}'."
        )));
    };
    Ok(Attribute {
        value: value?,
        data_type,
    })
}

fn has_items(list: Option<&serde_json::Value>) -> bool {
    list.and_then(serde_json::Value::as_array)
        .is_some_and(|items| !items.is_empty())
}

fn non_empty(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn text(text: String) -> Result<Value, Fault> {
    if is_legal_text(&text) {
        Ok(Value::Text(text))
    } else {
        Err(Fault::InvalidMessageContents)
    }
}

fn number(name: &str, text: String) -> Result<Value, Fault> {
    let is_decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.parse::<f64>().is_ok_and(f64::is_finite);
    if is_decimal {
        Ok(Value::Text(text))
    } else {
        Err(Fault::InvalidParameterValue(format!(
            "Can't cast the value of message (user) attribute '{name}' to a number."
        )))
    }
}

fn binary(name: &str, encoded: &str) -> Result<Value, Fault> {
    STANDARD.decode(encoded).map(Value::Binary).map_err(|error| {
        Fault::InvalidParameterValue(format!(
            "The message attribute '{name}' is not valid base64: {error}."
        ))
    })
}

mod base64_text {
    //! Bytes as base64 text, the way both protocols write them.

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD
            .decode(String::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_json(name: &str, attribute: serde_json::Value) -> Result<Attributes, Fault> {
        parse(BTreeMap::from([(
            name.to_owned(),
            serde_json::from_value(attribute).unwrap(),
        )]))
    }

    #[test]
    fn a_checked_attribute_is_written_as_it_came() {
        for attribute in [
            serde_json::json!({"DataType": "String", "StringValue": "x"}),
            serde_json::json!({"DataType": "Number.int", "StringValue": "-1.5e3"}),
            serde_json::json!({"DataType": "Binary.png", "BinaryValue": "AP8="}),
        ] {
            let checked = check_json("a", attribute.clone()).unwrap();
            assert_eq!(serde_json::to_value(&checked["a"]).unwrap(), attribute);
            assert_eq!(
                serde_json::from_value::<Attribute>(attribute).unwrap(),
                checked["a"]
            );
        }
    }

    #[test]
    fn types_and_values_must_agree() {
        for attribute in [
            serde_json::json!({"DataType": "String", "StringValue": ""}),
            serde_json::json!({"DataType": "String", "BinaryValue": "AAA="}),
            serde_json::json!({"DataType": "Binary", "BinaryValue": "*"}),
            serde_json::json!({"DataType": "Number", "StringValue": "infinity"}),
            serde_json::json!({"DataType": "Text", "StringValue": "x"}),
            serde_json::json!({"DataType": "String.", "StringValue": "x"}),
            serde_json::json!({"StringValue": "x"}),
        ] {
            assert!(
                matches!(
                    check_json("a", attribute.clone()),
                    Err(Fault::InvalidParameterValue(_))
                ),
                "{attribute}"
            );
        }
    }

    #[test]
    fn names_that_sqs_keeps_for_itself_or_cannot_carry_are_refused() {
        let attribute = serde_json::json!({"DataType": "String", "StringValue": "x"});
        for name in [
            "",
            ".a",
            "a.",
            "a..b",
            "AWS.a",
            "amazon.a",
            "a b",
            "é",
            &"a".repeat(257),
        ] {
            assert!(check_json(name, attribute.clone()).is_err(), "{name}");
        }
        assert!(check_json("Content-Type_1.x", attribute).is_ok());
    }

    #[test]
    fn a_receiver_gets_what_it_asked_for() {
        let attributes = || {
            ["trace.id", "trace.flags", "type"].map(|name| {
                (
                    name.to_owned(),
                    Attribute {
                        data_type: "String".into(),
                        value: Value::Text("x".into()),
                    },
                )
            })
        };
        let names = |wanted: &[&str]| -> Vec<String> {
            let wanted: Vec<_> = wanted.iter().map(|&name| name.to_owned()).collect();
            select(attributes().into(), &wanted).into_keys().collect()
        };
        assert_eq!(names(&[]), Vec::<String>::new());
        assert_eq!(names(&["type", "absent"]), ["type"]);
        assert_eq!(names(&["trace.*"]), ["trace.flags", "trace.id"]);
        assert_eq!(names(&["All"]).len(), 3);
        assert_eq!(names(&[".*"]).len(), 3);
    }
}
