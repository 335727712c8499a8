//! `google.api.HttpBody`: bytes that are passed on as they are, with their type (google/api/httpbody.proto).
//!
//! Knows where in a message they stand, and nothing of what they are.

use bytes::{Buf as _, Bytes};
use prost::Message as _;
use prost::encoding::{self, DecodeContext, WireType};
use prost_reflect::MessageDescriptor;

const NAME: &str = "google.api.HttpBody";

/// `google.api.HttpBody`, as far as it is used: its extensions are left out.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpBody {
    #[prost(string, tag = "1")]
    pub(crate) content_type: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) data: Bytes,
}

/// Where in a message an `HttpBody` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw {
    /// The message is one.
    Whole,
    /// The singular top-level field of this number.
    Field(u32),
}

impl Raw {
    /// What `body` or `response_body` names, if it is an `HttpBody`: `*` for the message, or one of its fields.
    pub(crate) fn find(message: &MessageDescriptor, name: &str) -> Option<Self> {
        if name == "*" {
            return (message.full_name() == NAME).then_some(Self::Whole);
        }
        let field = message.get_field_by_name(name)?;
        let kind = field.kind();
        let is_raw = kind
            .as_message()
            .is_some_and(|message| message.full_name() == NAME);
        (is_raw && !field.is_list()).then(|| Self::Field(field.number()))
    }

    /// Appends a body to the wire bytes of its message. An empty one is there, too.
    pub(crate) fn encode(self, content_type: &str, data: &[u8], out: &mut Vec<u8>) {
        let fields = [(1, content_type.as_bytes()), (2, data)];
        if let Self::Field(number) = self {
            let bytes: usize = fields
                .iter()
                .map(|(number, value)| field_bytes(*number, value))
                .sum();
            encoding::encode_key(number, WireType::LengthDelimited, out);
            encoding::encode_varint(bytes as u64, out);
        }
        for (number, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            encoding::encode_key(number, WireType::LengthDelimited, out);
            encoding::encode_varint(value.len() as u64, out);
            out.extend_from_slice(value);
        }
    }

    /// The body in the wire bytes of a message; an absent one is empty. Its data is not copied.
    pub(crate) fn decode(self, mut wire: Bytes) -> Result<HttpBody, prost::DecodeError> {
        let Self::Field(wanted) = self else {
            return HttpBody::decode(wire);
        };
        let mut body = HttpBody::default();
        while wire.has_remaining() {
            let (number, kind) = encoding::decode_key(&mut wire)?;
            if number == wanted && kind == WireType::LengthDelimited {
                body.merge_length_delimited(&mut wire)?;
            } else {
                encoding::skip_field(kind, number, &mut wire, DecodeContext::default())?;
            }
        }
        Ok(body)
    }
}

/// The size of a length-delimited field; an empty one is left out.
fn field_bytes(number: u32, value: &[u8]) -> usize {
    match value.len() {
        0 => 0,
        bytes => encoding::key_len(number) + encoding::encoded_len_varint(bytes as u64) + bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(data: &'static [u8]) -> HttpBody {
        HttpBody {
            content_type: "text/csv".to_owned(),
            data: Bytes::from_static(data),
        }
    }

    #[test]
    fn a_body_is_found_among_other_fields() {
        for raw in [Raw::Whole, Raw::Field(3), Raw::Field(4_000)] {
            let mut wire = Vec::new();
            if raw != Raw::Whole {
                encoding::string::encode(2, &"before".to_owned(), &mut wire);
            }
            raw.encode("text/csv", b"a,b", &mut wire);
            if raw != Raw::Whole {
                encoding::uint64::encode(7, &1, &mut wire);
            }
            assert_eq!(raw.decode(wire.into()).unwrap(), body(b"a,b"));
        }
    }

    #[test]
    fn an_absent_body_is_empty_and_a_broken_one_is_refused() {
        assert_eq!(Raw::Field(3).decode(Bytes::new()).unwrap(), HttpBody::default());
        for wire in [&[0x1a, 5, 1][..], &[0x1b], &[0x1a, 2, 0x12, 9]] {
            assert!(
                Raw::Field(3).decode(Bytes::from_static(wire)).is_err(),
                "{wire:?}"
            );
        }
    }
}
