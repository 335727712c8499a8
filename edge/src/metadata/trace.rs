//! W3C Trace Context, level 1: whether what a caller sends is one. The edge begins no trace of its own.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Characters of a `tracestate`; more need not be passed on.
const STATE_BYTES_MAX: usize = 512;

/// The trace that a request belongs to, if its context is one.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let parent = headers.get(TRACEPARENT).filter(|_| has_parent(headers))?;
    parent.to_str().ok()?.split('-').nth(1)
}

/// Whether this header is part of a trace context that must not be passed on. A `tracestate` counts with its `traceparent`
/// alone.
pub(super) fn is_broken(name: &HeaderName, headers: &HeaderMap) -> bool {
    match name {
        name if *name == TRACEPARENT => !has_parent(headers),
        name if *name == TRACESTATE => !has_parent(headers) || !has_state(headers),
        _ => false,
    }
}

fn has_parent(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => is_parent(value.as_bytes()),
        _ => false,
    }
}

/// `version-trace-parent-flags`, in lower-case hexadecimal; a later version may have more behind a dash.
fn is_parent(text: &[u8]) -> bool {
    let Some((known, more)) = text.split_at_checked(55) else {
        return false;
    };
    let mut parts = known.split(|byte| *byte == b'-');
    let mut part = |length: usize| {
        let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        parts
            .next()
            .filter(|part| part.len() == length && part.iter().all(is_hex))
    };
    let (Some(version), Some(trace), Some(parent), Some(_)) = (part(2), part(32), part(16), part(2)) else {
        return false;
    };
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    let is_complete = match version {
        b"00" => more.is_empty(),
        b"ff" => false,
        _ => matches!(more, [] | [b'-', ..]),
    };
    is_complete && !is_zero(trace) && !is_zero(parent)
}

fn has_state(headers: &HeaderMap) -> bool {
    let values = headers.get_all(TRACESTATE).iter();
    values.map(HeaderValue::len).sum::<usize>() <= STATE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_has_four_parts_in_lower_case() {
        let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        for (text, expected) in [
            (format!("00-{trace}-{parent}-01"), true),
            (format!("01-{trace}-{parent}-01-more"), true),
            (format!("cc-{trace}-{parent}-00"), true),
            (format!("00-{trace}-{parent}-01-more"), false),
            (format!("01-{trace}-{parent}-01more"), false),
            (format!("ff-{trace}-{parent}-01"), false),
            (format!("00-{trace}-{parent}-0"), false),
            (format!("00-{}-{parent}-01", trace.to_uppercase()), false),
            (format!("00-{}-{parent}-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("00_{trace}-{parent}-01"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_parent(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_tracestate_needs_a_parent_and_is_bounded() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let headers = |parent: Option<&'static str>, state: usize| {
            let mut headers = HeaderMap::new();
            headers.extend(parent.map(|parent| (TRACEPARENT, HeaderValue::from_static(parent))));
            headers.insert(TRACESTATE, HeaderValue::try_from("a".repeat(state)).unwrap());
            headers
        };
        assert!(!is_broken(&TRACESTATE, &headers(Some(parent), 512)));
        assert!(is_broken(&TRACESTATE, &headers(Some(parent), 513)));
        assert!(is_broken(&TRACESTATE, &headers(Some("00-1-2-3"), 10)));
        assert!(is_broken(&TRACESTATE, &headers(None, 10)));
        let mut twice = headers(Some(parent), 10);
        twice.append(TRACEPARENT, HeaderValue::from_static(parent));
        assert!(is_broken(&TRACEPARENT, &twice));
    }
}
