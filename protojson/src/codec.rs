//! The compiled pool and its messages: where a caller starts.

use std::sync::Arc;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};

use crate::{Error, FieldPath, Options, Reason, Violation};

/// Compiled descriptors of one pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Codec {
    options: Arc<Options>,
}

impl Codec {
    /// Compiles all messages of the pool. The pool is also the registry of `google.protobuf.Any`.
    #[must_use]
    pub fn new(_pool: DescriptorPool, options: Options) -> Self {
        Self {
            options: Arc::new(options),
        }
    }

    /// The compiled message type of a descriptor of this pool.
    #[must_use]
    pub fn message(&self, descriptor: &MessageDescriptor) -> Message {
        Message {
            options: self.options.clone(),
            descriptor: descriptor.clone(),
        }
    }
}

/// A compiled message type. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Message {
    options: Arc<Options>,
    pub(crate) descriptor: MessageDescriptor,
}

impl Message {
    /// Appends the wire bytes of a whole message given as JSON text.
    ///
    /// # Errors
    /// All violations of the text; `out` is then as it was.
    pub fn to_wire(&self, json: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let message = DynamicMessage::deserialize(self.descriptor.clone(), &mut reader)
            .map_err(|error| failure(Reason::WrongType, &error))?;
        reader
            .end()
            .map_err(|error| failure(Reason::MalformedJson, &error))?;
        out.extend_from_slice(&message.encode_to_vec());
        Ok(())
    }

    /// Appends the JSON text of a message given as wire bytes.
    ///
    /// # Errors
    /// The first violation of the wire bytes; `out` is then as it was.
    pub fn to_json(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let message = self.decode(wire)?;
        let options = SerializeOptions::new()
            .skip_default_fields(!self.options.always_print_fields_without_presence)
            .use_proto_field_name(self.options.use_proto_field_names)
            .use_enum_numbers(self.options.enums_as_numbers);
        let mut text = Vec::new();
        message
            .serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options)
            .map_err(|error| failure(Reason::MalformedWire, &error))?;
        out.extend_from_slice(&text);
        Ok(())
    }

    /// A field by a dotted path of proto or JSON names (`a.b_c`, `a.bC`) that leads through singular messages, as
    /// paths and query keys of google.api.http do. None when there is no such field.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<FieldPath> {
        FieldPath::new(self, path)
    }

    pub(crate) fn decode(&self, wire: &[u8]) -> Result<DynamicMessage, Error> {
        DynamicMessage::decode(self.descriptor.clone(), wire)
            .map_err(|error| failure(Reason::MalformedWire, &error))
    }
}

fn failure(reason: Reason, error: &dyn std::error::Error) -> Error {
    Violation {
        pointer: String::new(),
        reason,
        description: error.to_string(),
    }
    .into()
}
