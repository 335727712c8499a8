//! What holds of every input, whatever it is: the fuzz targets search for one that breaks a law, `tests/suite/corpus.rs` replays
//! what they have kept. The crate around it says with `DESCRIPTOR` which message it is about.

use std::sync::LazyLock;

use postern_protojson::{Codec, Message, Options};
use prost_reflect::DynamicMessage;
use prost_reflect::prost::Message as _;
use serde_json::value::RawValue;

use super::DESCRIPTOR;

/// What stands in the output before a step; it must stand there still.
const BEFORE: &[u8] = b"before";

/// Where they may differ: NaN is not equal to itself, prost-reflect takes minus zero for the default, and within an Any the bytes
/// of the same message may be in another order.
const UNLIKE: [&str; 3] = ["NaN", "-0", "@type"];
/// Whole numbers written with a fraction or an exponent, and more characters, are rounded to a double by prost-reflect.
const DECIMAL_CHARACTERS_MAX: usize = 8;
/// Numbers with more characters are rounded by `serde_json`, unless it is told to be exact.
const NUMBER_CHARACTERS_MAX: usize = 19;

static MESSAGE: LazyLock<Message> =
    LazyLock::new(|| Codec::new(DESCRIPTOR.parent_pool().clone(), Options::default()).message(&DESCRIPTOR));

/// Whatever text: read or refused; what is read is a message that can be printed and read again as the same.
pub fn json_to_wire(json: &[u8]) {
    let Some(wire) = to_wire(json) else {
        return;
    };
    assert!(decode(&wire).is_some(), "parsers read what was written");
    let printed = to_json(&wire).expect("what was read can be printed");
    let again = to_wire(&printed).expect("what was printed can be read");
    assert_eq!(to_json(&again).as_ref(), Some(&printed));
}

/// Whatever bytes: printed or refused; what is printed is JSON.
pub fn wire_to_json(wire: &[u8]) {
    if let Some(json) = to_json(wire) {
        serde_json::from_slice::<&RawValue>(&json).expect("what is printed is JSON");
    }
}

/// Wire bytes to a text, back and forth: the text stays the same.
pub fn round_trip(wire: &[u8]) {
    let Some(json) = to_json(wire) else {
        return;
    };
    let again = to_wire(&json).expect("what was printed can be read");
    assert_eq!(to_json(&again).as_ref(), Some(&json));
}

/// A text that prost-reflect reads as well is the same message to both.
pub fn differential(json: &[u8]) {
    if let (Some(wire), Some(theirs)) = (to_wire(json), deserialize(json)) {
        let ours = decode(&wire).expect("parsers read what was written");
        let text = str::from_utf8(json).expect("what was read is UTF-8");
        assert!(
            ours == theirs || UNLIKE.iter().any(|part| text.contains(part)) || has_long_number(text),
            "prost-reflect reads another message"
        );
    }
}

/// The wire bytes of a text; None when it is refused, which must leave the output alone and say why.
fn to_wire(json: &[u8]) -> Option<Vec<u8>> {
    step(|out| {
        MESSAGE
            .to_wire(json, out)
            .map_err(|error| error.violations().len())
    })
}

/// The text of wire bytes, likewise.
fn to_json(wire: &[u8]) -> Option<Vec<u8>> {
    step(|out| {
        MESSAGE
            .to_json(wire, out)
            .map_err(|error| error.violations().len())
    })
}

/// The message as prost-reflect reads it from wire bytes.
fn decode(wire: &[u8]) -> Option<DynamicMessage> {
    DynamicMessage::decode(DESCRIPTOR.clone(), wire).ok()
}

/// The message as prost-reflect reads it from a text, once over the wire: a list may be set to nothing here.
fn deserialize(json: &[u8]) -> Option<DynamicMessage> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let message = DynamicMessage::deserialize(DESCRIPTOR.clone(), &mut deserializer).ok()?;
    deserializer.end().ok()?;
    decode(&message.encode_to_vec())
}

fn step(run: impl FnOnce(&mut Vec<u8>) -> Result<(), usize>) -> Option<Vec<u8>> {
    let mut out = BEFORE.to_vec();
    let outcome = run(&mut out);
    let added = out.strip_prefix(BEFORE).expect("only appends");
    match outcome {
        Ok(()) => Some(added.to_vec()),
        Err(violations) => {
            assert!(violations > 0, "an error says why");
            assert!(added.is_empty(), "what is refused adds nothing");
            None
        }
    }
}

fn has_long_number(text: &str) -> bool {
    text.split(|character: char| !character.is_ascii_digit() && !"+-.eE".contains(character))
        .any(|number| match number.contains(['.', 'e', 'E']) {
            true => number.len() > DECIMAL_CHARACTERS_MAX,
            false => number.len() > NUMBER_CHARACTERS_MAX,
        })
}
