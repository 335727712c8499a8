//! What the fuzz targets share: the test messages, and each step with what always holds of it.

use std::sync::LazyLock;

use postern_protojson::{Codec, Message, Options};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

/// What stands in the output before a step; it must stand there still.
const BEFORE: &[u8] = b"before";

static DESCRIPTOR: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/proto");
    let files = protox::compile(["everything.proto"], [folder]).expect("the file is correct");
    let pool = DescriptorPool::from_file_descriptor_set(files).expect("protox checked the files");
    pool.get_message_by_name("protojson.test.Everything")
        .expect("the message is there")
});

static MESSAGE: LazyLock<Message> =
    LazyLock::new(|| Codec::new(DESCRIPTOR.parent_pool().clone(), Options::default()).message(&DESCRIPTOR));

/// The wire bytes of a text; None when it is refused, which must leave the output alone and say why.
pub fn to_wire(json: &[u8]) -> Option<Vec<u8>> {
    step(|out| {
        MESSAGE
            .to_wire(json, out)
            .map_err(|error| error.violations().len())
    })
}

/// The text of wire bytes, likewise.
pub fn to_json(wire: &[u8]) -> Option<Vec<u8>> {
    step(|out| {
        MESSAGE
            .to_json(wire, out)
            .map_err(|error| error.violations().len())
    })
}

/// The message as prost-reflect reads it from wire bytes.
pub fn decode(wire: &[u8]) -> Option<DynamicMessage> {
    DynamicMessage::decode(DESCRIPTOR.clone(), wire).ok()
}

/// The message as prost-reflect reads it from a text, once over the wire: a list may be set to nothing here.
pub fn deserialize(json: &[u8]) -> Option<DynamicMessage> {
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
