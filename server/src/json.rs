//! The JSON that travels unharmed through a `google.protobuf.Struct` and back: whole numbers below 2^53, and a bounded depth.
//!
//! Pure. The rule is the API's (see `SubmitJobRequest.payload`), the same at every door: payloads coming in, results coming back.

use serde_json::Value;

/// Whole numbers of this magnitude and beyond are not exact as doubles.
pub const UNSAFE_FROM: f64 = 9_007_199_254_740_992.0;
/// Levels of objects and arrays. Protobuf implementations stop at 100 nested messages, and each level takes up to three.
pub const DEPTH_MAX: usize = 32;

/// What makes a value unfit to travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// A whole number of magnitude 2^53 or beyond.
    UnsafeInteger,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Not a number at all: NaN or infinity, which JSON has not.
    NotFinite,
}

impl Unfit {
    /// The reason in a violation.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::UnsafeInteger => "UNSAFE_INTEGER",
            Self::TooDeep => "TOO_DEEP",
            Self::NotFinite => "NOT_FINITE",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::UnsafeInteger => {
                "whole numbers of 2^53 and beyond are not exact here: send them as strings"
            }
            Self::TooDeep => "nested deeper than 32 levels",
            Self::NotFinite => "must be a finite number",
        }
    }
}

/// The JSON number of a double, whole ones without a fraction.
///
/// # Errors
/// When it is none, or would not be exact.
pub fn number(double: f64) -> Result<Value, Unfit> {
    if !double.is_finite() {
        return Err(Unfit::NotFinite);
    }
    if double.abs() >= UNSAFE_FROM {
        return Err(Unfit::UnsafeInteger);
    }
    if double.fract() == 0.0 {
        #[allow(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Ok(Value::from(double as i64));
    }
    Ok(Value::from(double))
}

/// The value as it is after it has travelled: with whole numbers without a fraction. What is unfit is left as it is.
#[must_use]
pub fn travelled(value: &Value) -> Value {
    match value {
        Value::Number(given) => {
            let double = given.as_f64().and_then(|double| number(double).ok());
            double.unwrap_or_else(|| value.clone())
        }
        Value::Array(items) => items.iter().map(travelled).collect(),
        Value::Object(members) => {
            let travelled = |(name, member): (&String, &Value)| (name.clone(), travelled(member));
            Value::Object(members.iter().map(travelled).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

/// The first thing that makes a value unfit, if anything does.
#[must_use]
pub fn unfit(value: &Value) -> Option<Unfit> {
    unfit_below(value, 0)
}

fn unfit_below(value: &Value, depth: usize) -> Option<Unfit> {
    if depth > DEPTH_MAX {
        return Some(Unfit::TooDeep);
    }
    match value {
        Value::Number(number) => number
            .as_f64()
            .filter(|double| double.abs() >= UNSAFE_FROM)
            .map(|_| Unfit::UnsafeInteger),
        Value::Array(items) => items.iter().find_map(|item| unfit_below(item, depth + 1)),
        Value::Object(members) => members.values().find_map(|member| unfit_below(member, depth + 1)),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// The text with every character escaped that XML 1.0 has not: SQS refuses them, and JSON may carry them as escapes.
/// The text must be JSON already, so that such characters stand within strings alone.
#[must_use]
pub fn xml_safe(json: String) -> String {
    if !json.contains(['\u{fffe}', '\u{ffff}']) {
        return json;
    }
    json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
}

/// The JSON text with U+FFFD for every escape of half a character. JavaScript writes such a half where a text was cut between the two
/// escapes of an emoji, and no text can hold it.
#[must_use]
pub fn whole_characters(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find('\\') {
        whole.push_str(&rest[..start]);
        rest = &rest[start..];
        let (escape, end) = match (code_unit(rest), rest.get(6..).and_then(code_unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (&rest[..12], 12),
            (Some(0xD800..=0xDFFF), _) => ("\\ufffd", 6),
            // The character after the backslash belongs to it, whichever it is.
            _ => {
                let end = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
                (&rest[..end], end)
            }
        };
        whole.push_str(escape);
        rest = &rest[end..];
    }
    whole.push_str(rest);
    whole
}

/// The UTF-16 code unit of an escape at the start of the text.
fn code_unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_doubles_are_written_without_a_fraction() {
        assert_eq!(number(5.0).unwrap().to_string(), "5");
        assert_eq!(number(-0.0).unwrap().to_string(), "0");
        assert_eq!(number(0.5).unwrap().to_string(), "0.5");
        assert_eq!(
            number(9_007_199_254_740_991.0).unwrap().to_string(),
            "9007199254740991"
        );
    }

    #[test]
    fn fractions_are_the_same_however_often_they_are_read_and_written() {
        for text in ["31.245270191439438", "0.1", "0.000012345678901234568", "5e-324"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(travelled(&value).to_string(), text);
        }
    }

    #[test]
    fn what_has_travelled_has_whole_numbers_without_a_fraction_at_any_depth() {
        let value = json!({"a": [5.0, {"b": 1e3}], "c": 0.5, "d": "5.0", "e": null});
        assert_eq!(
            travelled(&value).to_string(),
            r#"{"a":[5,{"b":1000}],"c":0.5,"d":"5.0","e":null}"#
        );
    }

    #[test]
    fn numbers_that_would_not_be_exact_are_refused() {
        assert_eq!(number(9_007_199_254_740_992.0), Err(Unfit::UnsafeInteger));
        assert_eq!(number(-1e300), Err(Unfit::UnsafeInteger));
        assert_eq!(number(f64::NAN), Err(Unfit::NotFinite));
        assert_eq!(
            unfit(&json!({"a": [1, 9_007_199_254_740_993_u64]})),
            Some(Unfit::UnsafeInteger)
        );
        assert_eq!(unfit(&json!({"a": [1, 9_007_199_254_740_991_u64, 0.1]})), None);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(unfit(&nested(DEPTH_MAX)), None);
        assert_eq!(unfit(&nested(DEPTH_MAX + 1)), Some(Unfit::TooDeep));
    }

    #[test]
    fn only_half_characters_are_replaced() {
        for (json, whole) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ude00\ud83d\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#),
            (r#""\\ud83d \u00e9 \" \ud83""#, r#""\\ud83d \u00e9 \" \ud83""#),
            ("\\é\\", "\\é\\"),
        ] {
            assert_eq!(whole_characters(json), whole);
        }
    }

    #[test]
    fn characters_that_xml_has_not_travel_as_escapes() {
        let text = xml_safe(serde_json::to_string("\u{1}\u{fffe}\u{ffff}é").unwrap());
        assert_eq!(text, "\"\\u0001\\ufffe\\uffffé\"");
        assert_eq!(
            serde_json::from_str::<String>(&text).unwrap(),
            "\u{1}\u{fffe}\u{ffff}é"
        );
    }
}
