//! Renders what the upstream answers: one message as JSON, a stream of them by what the caller accepts, or raw bytes.

pub(crate) mod accept;
mod array;
mod download;
mod ndjson;
mod sse;
mod stream;
mod unary;

pub(crate) use download::{Download, download};
pub(crate) use stream::{Pending, Stream, peek};
pub(crate) use unary::unary;

use http::HeaderMap;

/// How a stream of messages is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// One JSON object a line.
    Ndjson,
    /// One JSON array.
    Array,
}

impl Form {
    /// The best of the three by the caller's `Accept`; None when it takes none of them.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        accept::best(headers, &[Self::Sse, Self::Ndjson, Self::Array])
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Ndjson => "application/x-ndjson",
            Self::Array => "application/json",
        }
    }

    /// What stands before the first message.
    fn begin(self, out: &mut Vec<u8>) {
        match self {
            Self::Sse => sse::begin(out),
            Self::Ndjson => {}
            Self::Array => array::begin(out),
        }
    }

    /// What stands before the JSON of a message; `index` counts them from 0.
    fn before(self, index: u64, id: Option<&str>, out: &mut Vec<u8>) {
        match self {
            Self::Sse => sse::before(id, out),
            Self::Ndjson => {}
            Self::Array => array::before(index, out),
        }
    }

    /// What stands behind it.
    fn after(self, out: &mut Vec<u8>) {
        match self {
            Self::Sse => sse::after(out),
            Self::Ndjson => ndjson::after(out),
            Self::Array => {}
        }
    }

    /// The good end.
    fn done(self, out: &mut Vec<u8>) {
        match self {
            Self::Sse => sse::done(out),
            Self::Ndjson => {}
            Self::Array => array::end(out),
        }
    }

    /// The bad end: `error` is the error body.
    fn failed(self, index: u64, error: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Sse => sse::failed(error, out),
            Self::Ndjson => {
                out.extend_from_slice(error);
                ndjson::after(out);
            }
            Self::Array => {
                array::before(index, out);
                out.extend_from_slice(error);
                array::end(out);
            }
        }
    }
}
