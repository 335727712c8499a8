//! The test messages, compiled, and short ways to hold texts and wire bytes against one another.

use std::sync::LazyLock;

use postern_protojson::{Codec, Error, Message, Options, Reason};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

pub(crate) const EVERYTHING: &str = "protojson.test.Everything";

pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proto");
    let files = protox::compile(["everything.proto"], [folder]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
});

pub(crate) fn descriptor(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(name).unwrap()
}

pub(crate) fn message(name: &str, options: Options) -> Message {
    Codec::new(POOL.clone(), options).message(&descriptor(name))
}

pub(crate) fn everything() -> Message {
    message(EVERYTHING, Options::default())
}

pub(crate) fn wire(message: &Message, json: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    message.to_wire(json.as_bytes(), &mut out)?;
    Ok(out)
}

pub(crate) fn json(message: &Message, wire: &[u8]) -> Result<String, Error> {
    let mut out = Vec::new();
    message.to_json(wire, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The text printed for what was read from a text.
pub(crate) fn round_trip(text: &str) -> String {
    let message = everything();
    let wire = wire(&message, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    json(&message, &wire).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Each text is read and printed as the other.
pub(crate) fn prints_as(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(round_trip(text), *expected, "printed for {text}");
    }
}

/// Each text is refused with exactly these reasons and pointers.
pub(crate) fn refused_by(message: &Message, cases: &[(&str, &[(Reason, &str)])]) {
    for (text, expected) in cases {
        let error = wire(message, text).expect_err(text);
        let violations: Vec<_> = error
            .violations()
            .iter()
            .map(|violation| (violation.reason, violation.pointer.as_str()))
            .collect();
        assert_eq!(violations, *expected, "violations of {text}");
    }
}

pub(crate) fn refused(cases: &[(&str, &[(Reason, &str)])]) {
    refused_by(&everything(), cases);
}

/// What prost-reflect makes of wire bytes.
pub(crate) fn oracle(name: &str, wire: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(descriptor(name), wire).unwrap()
}
