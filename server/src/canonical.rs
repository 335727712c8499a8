//! Canonical JSON: one text for one value, so that equal values have equal digests.
//!
//! Pure. Keys are sorted, there is no white space, and numbers are written by value: 1, 1.0 and 1e0 are the same. Strings are compared
//! as they are, without Unicode normalisation.

use serde_json::{Map, Number, Value};

/// The canonical text of a value. The depth is the caller's to bound.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Array(items) => write_array(items, text),
        Value::Object(members) => write_object(members, text),
        Value::Number(number) => text.extend(by_value(number).to_string().into_bytes()),
        Value::Null | Value::Bool(_) | Value::String(_) => text.extend(value.to_string().into_bytes()),
    }
}

fn write_array(items: &[Value], text: &mut Vec<u8>) {
    text.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write(item, text);
    }
    text.push(b']');
}

fn write_object(members: &Map<String, Value>, text: &mut Vec<u8>) {
    // A map keeps the order of insertion where some crate in the tree asks for that, so sorting is not left to it.
    let mut members: Vec<_> = members.iter().collect();
    members.sort_unstable_by_key(|(name, _)| name.as_str());
    text.push(b'{');
    for (index, (name, member)) in members.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend(Value::from(name.as_str()).to_string().into_bytes());
        text.push(b':');
        write(member, text);
    }
    text.push(b'}');
}

/// A whole number as an integer, however it was written. One that no integer of 64 bits holds can only be a double.
fn by_value(number: &Number) -> Number {
    const I64_END: f64 = 9_223_372_036_854_775_808.0;
    const U64_END: f64 = 18_446_744_073_709_551_616.0;
    let Some(double) = number
        .as_f64()
        .filter(|double| number.is_f64() && double.fract() == 0.0)
    else {
        return number.clone();
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, and within the range that was asked for"
    )]
    if (-I64_END..I64_END).contains(&double) {
        Number::from(double as i64)
    } else if (0.0..U64_END).contains(&double) {
        Number::from(double as u64)
    } else {
        number.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical(value)).unwrap()
    }

    fn parsed(json: &str) -> String {
        text(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn keys_are_sorted_at_every_level() {
        assert_eq!(
            parsed(r#"{"b":[{"z":1,"a":2}],"a":{"d":null,"c":true}}"#),
            r#"{"a":{"c":true,"d":null},"b":[{"a":2,"z":1}]}"#
        );
    }

    #[test]
    fn numbers_are_written_by_value() {
        for (one, other) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ("-7", "-7.0"),
            ("1152921504606846976", "1.152921504606846976e18"),
            ("9223372036854775808", "9223372036854775808.0"),
            ("1e300", "10e299"),
            ("0.5", "5e-1"),
        ] {
            assert_eq!(parsed(one), parsed(other), "{one} and {other}");
        }
    }

    #[test]
    fn different_values_have_different_texts() {
        for (one, other) in [
            ("1", "\"1\""),
            ("0.1", "0.10000000000000002"),
            ("9223372036854775807", "9223372036854775808"),
            ("18446744073709551615", "18446744073709551616"),
            ("null", "\"null\""),
            ("[1,2]", "[2,1]"),
            ("[]", "{}"),
            (r#"["a,b"]"#, r#"["a","b"]"#),
        ] {
            assert_ne!(parsed(one), parsed(other), "{one} and {other}");
        }
    }

    #[test]
    fn text_is_escaped_in_one_way() {
        assert_eq!(parsed(r#""\u00e9\/\u0001""#), "\"é/\\u0001\"");
        assert_eq!(text(&json!({"\"": 1})), r#"{"\"":1}"#);
    }
}
