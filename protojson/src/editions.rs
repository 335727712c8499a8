//! Descriptor sets into pools, files of editions (2023 and later) among them: prost-reflect reads proto2 and proto3 alone, so these
//! files are written down as what they mean there. Features are resolved as protobuf.dev/editions/features has it. Knows nothing of
//! JSON.

use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, Value};

/// A pool of an encoded `google.protobuf.FileDescriptorSet`, options included.
///
/// Files of editions become files of proto2, or of proto3 if they have a field without presence, and keep what their features
/// say of presence, packing and the encoding of messages. Enums are open everywhere in this crate, `CLOSED` or not.
///
/// # Errors
/// When this is no descriptor set, or one that contradicts itself.
pub fn pool(set: &[u8]) -> Result<DescriptorPool, DescriptorError> {
    match lowered(set) {
        Some(lowered) => DescriptorPool::decode(lowered.as_slice()),
        None => DescriptorPool::decode(set),
    }
}

/// The set without editions; None if there are none, or if it is no set.
fn lowered(set: &[u8]) -> Option<Vec<u8>> {
    let descriptor = DescriptorPool::global().get_message_by_name("google.protobuf.FileDescriptorSet")?;
    let mut set = DynamicMessage::decode(descriptor, set).ok()?;
    let mut is_changed = false;
    for file in messages(&mut set, "file") {
        if text(file, "syntax") == "editions" {
            lower(file);
            is_changed = true;
        }
    }
    is_changed.then(|| set.encode_to_vec())
}

fn lower(file: &mut DynamicMessage) {
    let features = Features::default().overridden(file);
    let mut has_implicit = false;
    for message in messages(file, "message_type") {
        lower_message(message, features, &mut has_implicit);
    }
    for extension in messages(file, "extension") {
        lower_field(extension, features);
    }
    // Proto2 allows more; a field without presence is all that it has not.
    let syntax = if has_implicit { "proto3" } else { "proto2" };
    file.set_field_by_name("syntax", Value::String(syntax.to_owned()));
    file.clear_field_by_name("edition");
}

fn lower_message(message: &mut DynamicMessage, features: Features, has_implicit: &mut bool) {
    let mut maps = Vec::new();
    for nested in messages(message, "nested_type") {
        // Entries of maps are the same in every syntax, and never delimited.
        match is_map_entry(nested) {
            true => maps.push(format!(".{}", text(nested, "name"))),
            false => lower_message(nested, features, has_implicit),
        }
    }
    for field in messages(message, "field") {
        let type_name = text(field, "type_name");
        if !maps.iter().any(|map| type_name.ends_with(map)) {
            *has_implicit |= lower_field(field, features);
        }
    }
    for extension in messages(message, "extension") {
        lower_field(extension, features);
    }
}

/// Whether the field has no presence.
fn lower_field(field: &mut DynamicMessage, features: Features) -> bool {
    let features = features.overridden(field);
    let mut kind = number(field, "type");
    if features.is_delimited && kind == TYPE_MESSAGE {
        kind = TYPE_GROUP;
        field.set_field_by_name("type", Value::EnumNumber(TYPE_GROUP));
    }
    if number(field, "label") == LABEL_REPEATED {
        if let Some(Value::Message(options)) = field.get_field_by_name_mut("options") {
            options.set_field_by_name("packed", Value::Bool(features.is_packed));
        }
        return false;
    }
    if kind == TYPE_MESSAGE || kind == TYPE_GROUP || field.has_field_by_name("oneof_index") {
        return false;
    }
    field.set_field_by_name("proto3_optional", Value::Bool(!features.is_implicit));
    features.is_implicit
}

/// Of `FieldDescriptorProto`.
const TYPE_GROUP: i32 = 10;
const TYPE_MESSAGE: i32 = 11;
const LABEL_REPEATED: i32 = 3;

/// Of `FeatureSet`.
const FIELD_PRESENCE_IMPLICIT: i32 = 2;
const REPEATED_FIELD_ENCODING_PACKED: i32 = 1;
const MESSAGE_ENCODING_DELIMITED: i32 = 2;

/// What a field is, as far as this crate cares. These features stand at files and fields, nowhere between.
#[derive(Clone, Copy)]
struct Features {
    is_implicit: bool,
    is_packed: bool,
    is_delimited: bool,
}

impl Default for Features {
    /// Of the editions 2023 and 2024.
    fn default() -> Self {
        Self {
            is_implicit: false,
            is_packed: true,
            is_delimited: false,
        }
    }
}

impl Features {
    /// With what the options of a file or field say.
    fn overridden(self, descriptor: &DynamicMessage) -> Self {
        let Some(features) = child(descriptor, "options").and_then(|options| child(&options, "features"))
        else {
            return self;
        };
        let is = |name, value, otherwise| match number(&features, name) {
            0 => otherwise,
            set => set == value,
        };
        Self {
            is_implicit: is("field_presence", FIELD_PRESENCE_IMPLICIT, self.is_implicit),
            is_packed: is(
                "repeated_field_encoding",
                REPEATED_FIELD_ENCODING_PACKED,
                self.is_packed,
            ),
            is_delimited: is("message_encoding", MESSAGE_ENCODING_DELIMITED, self.is_delimited),
        }
    }
}

fn is_map_entry(message: &DynamicMessage) -> bool {
    child(message, "options")
        .and_then(|options| options.get_field_by_name("map_entry")?.as_bool())
        .unwrap_or(false)
}

/// The messages of a repeated field.
fn messages<'a>(parent: &'a mut DynamicMessage, name: &str) -> impl Iterator<Item = &'a mut DynamicMessage> {
    let list = parent.get_field_by_name_mut(name).and_then(Value::as_list_mut);
    list.into_iter().flatten().filter_map(Value::as_message_mut)
}

/// The message of a field, if it is set.
fn child(parent: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let is_set = parent.has_field_by_name(name);
    is_set.then(|| parent.get_field_by_name(name)?.as_message().cloned())?
}

fn text(parent: &DynamicMessage, name: &str) -> String {
    let value = parent.get_field_by_name(name);
    value
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The number of an enum field; 0 when it is not set.
fn number(parent: &DynamicMessage, name: &str) -> i32 {
    if !parent.has_field_by_name(name) {
        return 0;
    }
    let value = parent.get_field_by_name(name);
    value.and_then(|value| value.as_enum_number()).unwrap_or_default()
}
