//! The trace context of a call (W3C Trace Context, <https://www.w3.org/TR/trace-context/>), for the task that it makes.
//!
//! Whoever calls may write anything into these headers, and the queue refuses a message for one bad attribute: what is not valid is
//! left out, as the specification asks.

use http::HeaderMap;
use tonic::metadata::MetadataMap;

use crate::store::Trace;

/// Of the specification; longer ones may be dropped whole.
const STATE_CHARS_MAX: usize = 512;

/// The context in these headers, empty where there is none that is valid.
pub(super) fn of(metadata: &MetadataMap) -> Trace {
    let text = |name| {
        metadata
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let parent = text("traceparent");
    if !is_parent(parent) {
        return Trace::default();
    }
    let state = Some(text("tracestate")).filter(|state| state.len() <= STATE_CHARS_MAX);
    Trace {
        traceparent: parent.to_owned(),
        tracestate: state.unwrap_or_default().to_owned(),
    }
}

/// The trace that these headers name, empty where there is none that is valid.
pub(super) fn id(headers: &HeaderMap) -> &str {
    let parent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let parent = parent.filter(|parent| is_parent(parent));
    parent
        .and_then(|parent| parent.split('-').nth(1))
        .unwrap_or_default()
}

/// `version-trace-parent-flags` in lowercase hexadecimal; neither id all zeros. Version ff is forbidden, later ones may grow, but not here.
fn is_parent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else {
        return false;
    };
    let is_hex = |part: &str, chars| {
        part.len() == chars
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_id = |part: &str, chars| is_hex(part, chars) && part.bytes().any(|b| b != b'0');
    is_hex(version, 2) && *version != "ff" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)
}
