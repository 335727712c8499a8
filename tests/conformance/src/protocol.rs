//! What the suite's runner and a testee say to each other (conformance.proto): messages with their length in front, in
//! four bytes, little-endian. Knows nothing of what is tested.

use std::io::{self, ErrorKind, Read, Write};

use anyhow::{Context, ensure};
use prost::{Message, Oneof};

/// Far more than the suite's largest case.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// `WireFormat` of an answer.
pub(crate) const PROTOBUF: i32 = 1;
/// `WireFormat` of an answer.
pub(crate) const JSON: i32 = 2;
/// `TestCategory` that asks for unknown fields to be ignored.
pub(crate) const JSON_IGNORE_UNKNOWN: i32 = 3;

/// `conformance.ConformanceRequest`, without what only Google's own formats need.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Request {
    #[prost(oneof = "Payload", tags = "1, 2, 7, 8")]
    pub(crate) payload: Option<Payload>,
    #[prost(int32, tag = "3")]
    pub(crate) requested_output_format: i32,
    #[prost(string, tag = "4")]
    pub(crate) message_type: String,
    #[prost(int32, tag = "5")]
    pub(crate) test_category: i32,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Payload {
    #[prost(bytes, tag = "1")]
    Protobuf(Vec<u8>),
    #[prost(string, tag = "2")]
    Json(String),
    #[prost(string, tag = "7")]
    Jspb(String),
    #[prost(string, tag = "8")]
    Text(String),
}

/// `conformance.ConformanceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Response {
    #[prost(oneof = "Outcome", tags = "1, 3, 4, 5, 6")]
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Outcome {
    #[prost(string, tag = "1")]
    ParseError(String),
    #[prost(bytes, tag = "3")]
    Protobuf(Vec<u8>),
    #[prost(string, tag = "4")]
    Json(String),
    #[prost(string, tag = "5")]
    Skipped(String),
    #[prost(string, tag = "6")]
    SerializeError(String),
}

/// The next request; None when the runner has no more.
pub(crate) fn read(input: &mut impl Read) -> anyhow::Result<Option<Request>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let length = u32::from_le_bytes(length) as usize;
    ensure!(length <= MESSAGE_BYTES_MAX, "the runner sends {length} bytes");
    let mut message = vec![0; length];
    input.read_exact(&mut message)?;
    let request = Request::decode(&*message).context("the runner sends no ConformanceRequest")?;
    Ok(Some(request))
}

/// Answers a request.
pub(crate) fn write(output: &mut impl Write, response: &Response) -> io::Result<()> {
    let message = response.encode_to_vec();
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(&message)?;
    output.flush()
}
