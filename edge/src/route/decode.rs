//! Percent-decoding, exactly once. Strict: what is not well-formed UTF-8 behind well-formed escapes is no text.

use std::borrow::Cow;

/// One path segment: every escape is decoded, `+` is a plus.
pub(crate) fn segment(text: &str) -> Option<Cow<'_, str>> {
    decode(text, |_| true)
}

/// A run of path segments: an escaped slash stays as it is written, so that it cannot be taken for a separator.
pub(crate) fn segments(text: &str) -> Option<Cow<'_, str>> {
    decode(text, |byte| byte != b'/')
}

/// A name or value of a query string, where `+` is a space.
pub(crate) fn query(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('+') {
        return segment(text);
    }
    segment(&text.replace('+', " ")).map(|text| Cow::Owned(text.into_owned()))
}

fn decode(text: &str, wanted: impl Fn(u8) -> bool) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            decoded.push(bytes[at]);
            at += 1;
            continue;
        }
        let byte = escaped(bytes.get(at + 1..at + 3)?)?;
        if wanted(byte) {
            decoded.push(byte);
        } else {
            decoded.extend_from_slice(&bytes[at..at + 3]);
        }
        at += 3;
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn escaped(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    Some(value(digits[0])? << 4 | value(digits[1])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_space_in_a_query_alone() {
        assert_eq!(segment("a+b").unwrap(), "a+b");
        assert_eq!(query("a+b%2B").unwrap(), "a b+");
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(segment("%252F%2f").unwrap(), "%2F/");
        assert_eq!(segments("a%2fb%2Fc%20d/e").unwrap(), "a%2fb%2Fc d/e");
    }

    #[test]
    fn broken_escapes_and_bad_utf8_are_no_text() {
        for text in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(segment(text), None, "{text}");
        }
    }
}
