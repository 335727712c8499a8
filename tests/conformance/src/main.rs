//! The testee of protobuf's official conformance suite: reads requests from its standard input, answers them with
//! protojson. Everything that is not JSON on one side at least is skipped.
//!
//! The runner starts it (`make conformance`), with the suite's messages as a descriptor set in its argument.

mod protocol;

use std::io;

use anyhow::Context;
use postern_protojson::{Codec, Error, Message, Options, Reason};
use prost_reflect::DescriptorPool;
use protocol::{Outcome, Payload, Request, Response};

fn main() -> anyhow::Result<()> {
    let path = std::env::args()
        .nth(1)
        .context("the suite's messages are missing, as a descriptor set")?;
    let testee = Testee::new(&std::fs::read(&path).context(path)?)?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Some(request) = protocol::read(&mut input)? {
        let outcome = testee.answer(&request);
        protocol::write(
            &mut output,
            &Response {
                outcome: Some(outcome),
            },
        )?;
    }
    Ok(())
}

/// The codec under test, as strict as it is by default, and lenient as one category of tests asks for.
struct Testee {
    pool: DescriptorPool,
    strict: Codec,
    lenient: Codec,
}

impl Testee {
    fn new(set: &[u8]) -> anyhow::Result<Self> {
        let pool = postern_protojson::pool(set)?;
        let lenient = Options {
            ignore_unknown_fields: true,
            ..Options::default()
        };
        Ok(Self {
            strict: Codec::new(pool.clone(), Options::default()),
            lenient: Codec::new(pool.clone(), lenient),
            pool,
        })
    }

    fn answer(&self, request: &Request) -> Outcome {
        let Some(descriptor) = self.pool.get_message_by_name(&request.message_type) else {
            return Outcome::Skipped("there is no such message in the set".into());
        };
        let codec = match request.test_category == protocol::JSON_IGNORE_UNKNOWN {
            true => &self.lenient,
            false => &self.strict,
        };
        let message = codec.message(&descriptor);
        match (&request.payload, request.requested_output_format) {
            (Some(Payload::Json(json)), protocol::PROTOBUF) => match to_wire(&message, json) {
                Ok(wire) => Outcome::Protobuf(wire),
                Err(outcome) => outcome,
            },
            (Some(Payload::Json(json)), protocol::JSON) => match to_wire(&message, json) {
                Ok(wire) => to_json(&message, &wire),
                Err(outcome) => outcome,
            },
            (Some(Payload::Protobuf(wire)), protocol::JSON) => to_json(&message, wire),
            _ => Outcome::Skipped("only JSON is tested".into()),
        }
    }
}

fn to_wire(message: &Message, json: &str) -> Result<Vec<u8>, Outcome> {
    let mut wire = Vec::new();
    match message.to_wire(json.as_bytes(), &mut wire) {
        Ok(()) => Ok(wire),
        Err(error) => Err(Outcome::ParseError(error.to_string())),
    }
}

fn to_json(message: &Message, wire: &[u8]) -> Outcome {
    let mut json = Vec::new();
    match message.to_json(wire, &mut json) {
        Ok(()) => Outcome::Json(String::from_utf8(json).expect("JSON is UTF-8")),
        Err(error) if is_malformed(&error) => Outcome::ParseError(error.to_string()),
        Err(error) => Outcome::SerializeError(error.to_string()),
    }
}

/// Whether the bytes are no message at all, rather than one that JSON has no text for.
fn is_malformed(error: &Error) -> bool {
    error
        .violations()
        .iter()
        .any(|violation| violation.reason == Reason::MalformedWire)
}
