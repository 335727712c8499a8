//! A problem as a REST caller sees it: `{"error":{"code","status","message","details"}}`, with its headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use postern_protojson::{Codec, Message, Options};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use tonic_types::pb;

use super::{Problem, code};
use crate::metadata;

/// What it takes to print details: who says them, and how each type reads.
#[derive(Debug)]
pub(crate) struct Details {
    domain: String,
    /// `google.protobuf.Any` of the edge's own pool, which has the types of
    /// `google/rpc/error_details.proto`, then of the service's.
    any: Vec<Message>,
}

impl Details {
    /// `pool` and `codec` are the service's own: the types that its details may have.
    pub(crate) fn new(
        domain: String,
        pool: &DescriptorPool,
        codec: &Codec,
        options: Options,
    ) -> Result<Self, prost_reflect::DescriptorError> {
        let own_pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET)?;
        let own_codec = Codec::new(own_pool.clone(), options);
        let any = [(&own_pool, &own_codec), (pool, codec)]
            .into_iter()
            .filter_map(|(pool, codec)| {
                Some(codec.message(&pool.get_message_by_name("google.protobuf.Any")?))
            })
            .collect();
        Ok(Self { domain, any })
    }

    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    /// A type that neither pool has keeps its bytes.
    fn write(&self, detail: &prost_types::Any, out: &mut Vec<u8>) {
        let wire = detail.encode_to_vec();
        if self.any.iter().any(|any| any.to_json(&wire, out).is_ok()) {
            return;
        }
        out.extend_from_slice(b"{\"@type\":");
        write_string(&detail.type_url, out);
        out.extend_from_slice(b",\"value\":\"");
        out.extend_from_slice(STANDARD.encode(&detail.value).as_bytes());
        out.extend_from_slice(b"\"}");
    }
}

impl Problem {
    /// The error body as JSON text in one line.
    pub(crate) fn to_json(&self, details: &Details) -> Vec<u8> {
        let status = self.status(details.domain());
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(b"{\"error\":{\"code\":");
        out.extend_from_slice(self.http().as_str().as_bytes());
        out.extend_from_slice(b",\"status\":\"");
        out.extend_from_slice(code::name(self.code()).as_bytes());
        out.extend_from_slice(b"\",\"message\":");
        write_string(&status.message, &mut out);
        out.extend_from_slice(b",\"details\":[");
        for (index, detail) in status.details.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            details.write(detail, &mut out);
        }
        out.extend_from_slice(b"]}}");
        out
    }

    /// The whole answer.
    pub(crate) fn to_response(&self, details: &Details) -> http::Response<Bytes> {
        let mut response = http::Response::new(Bytes::from(self.to_json(details)));
        *response.status_mut() = self.http();
        let headers = response.headers_mut();
        metadata::forward(self.metadata(), headers);
        headers.insert(CONTENT_TYPE, content_type());
        if let Some(allow) = &self.0.allow {
            headers.insert(ALLOW, allow.clone());
        }
        self.insert_retry_after(headers);
        if self.http() == StatusCode::UNAUTHORIZED {
            // RFC 9110 wants a challenge; the reason stands in the body alone.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    fn insert_retry_after(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

/// The type of every JSON answer.
pub(crate) fn content_type() -> HeaderValue {
    HeaderValue::from_static("application/json")
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string is always JSON, and a Vec takes it");
}

/// What a violation takes in a list of them.
pub(super) fn violation_bytes(violation: &pb::bad_request::FieldViolation) -> usize {
    let mut out = br#"{"field":,"description":,"reason":},"#.to_vec();
    for text in [&violation.field, &violation.description, &violation.reason] {
        write_string(text, &mut out);
    }
    out.len()
}
