//! How parameters are read: into the shape an action expects, numbers also from text, numbers within their range.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::fault::Fault;

pub(super) fn read<T: DeserializeOwned>(parameters: Value) -> Result<T, Fault> {
    serde_json::from_value(parameters).map_err(|error| Fault::Malformed(error.to_string()))
}

/// For `#[serde(deserialize_with)]`: a whole number, which the Query protocol and some JSON clients write as text.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Option::<Number>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Number::Whole(number)) => Ok(Some(number)),
        Some(Number::Text(text)) => text.parse().map(Some).map_err(|_not_whole| {
            serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &"a whole number")
        }),
    }
}

pub(super) fn within(name: &'static str, number: i64, range: RangeInclusive<u32>) -> Result<u32, Fault> {
    u32::try_from(number)
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            Fault::out_of_range(
                number,
                name,
                &format!(
                    "must be between {} and {}, if provided",
                    range.start(),
                    range.end()
                ),
            )
        })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Shape {
        #[serde(default, deserialize_with = "whole")]
        number: Option<i64>,
    }

    #[test]
    fn a_number_may_be_text_but_must_be_whole() {
        let number =
            |json: &str| read::<Shape>(serde_json::from_str(json).unwrap()).map(|shape| shape.number);
        assert_eq!(number(r#"{"number": 5}"#), Ok(Some(5)));
        assert_eq!(number(r#"{"number": "5"}"#), Ok(Some(5)));
        assert_eq!(number(r#"{"number": null}"#), Ok(None));
        assert_eq!(number("{}"), Ok(None));
        for json in [
            r#"{"number": "5.0"}"#,
            r#"{"number": 1.5}"#,
            r#"{"number": ""}"#,
            r#"{"number": []}"#,
        ] {
            assert!(matches!(number(json), Err(Fault::Malformed(_))), "{json}");
        }
    }
}
