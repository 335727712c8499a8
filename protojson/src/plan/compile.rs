//! Descriptors into tables. Runs once a pool.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, MessageDescriptor};

use super::{Cardinality, EnumId, EnumPlan, FieldPlan, Kind, MessageId, MessagePlan, Numeric, Plans, Shape};
use crate::json::text;
use crate::plan::names::Names;
use crate::{Options, wire};

/// Numbers up to this are looked up in a table, however few the fields.
const SMALL_NUMBERS: u32 = 64;

pub(super) fn pool(pool: &DescriptorPool, options: Options) -> Plans {
    let compiler = Compiler {
        messages: index(pool.all_messages().map(|message| message.full_name().into())),
        enums: index(pool.all_enums().map(|enumeration| enumeration.full_name().into())),
        options: &options,
    };
    let messages = pool
        .all_messages()
        .map(|message| compiler.message(&message))
        .collect();
    let enums = pool
        .all_enums()
        .map(|descriptor| enumeration(&descriptor))
        .collect();
    let by_name = compiler
        .messages
        .into_iter()
        .map(|(name, index)| (name, MessageId(index)))
        .collect();
    Plans {
        options,
        messages,
        enums,
        by_name,
    }
}

fn index(names: impl Iterator<Item = Box<str>>) -> HashMap<Box<str>, usize> {
    names.enumerate().map(|(index, name)| (name, index)).collect()
}

struct Compiler<'a> {
    messages: HashMap<Box<str>, usize>,
    enums: HashMap<Box<str>, usize>,
    options: &'a Options,
}

impl Compiler<'_> {
    fn message(&self, descriptor: &MessageDescriptor) -> MessagePlan {
        let mut fields: Vec<_> = descriptor.fields().collect();
        fields.sort_by_key(FieldDescriptor::number);
        let oneofs: Vec<_> = descriptor
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic())
            .collect();
        let plans: Box<[_]> = fields
            .iter()
            .map(|field| {
                let oneof = field.containing_oneof();
                let oneof = oneof.and_then(|oneof| oneofs.iter().position(|known| *known == oneof));
                self.field(field, oneof)
            })
            .collect();
        let json_names = fields
            .iter()
            .enumerate()
            .map(|(index, field)| (field.json_name(), index));
        let proto_names = fields
            .iter()
            .enumerate()
            .map(|(index, field)| (field.name(), index));
        MessagePlan {
            full_name: descriptor.full_name().into(),
            shape: shape(descriptor),
            oneofs: oneofs.len(),
            names: Names::new(json_names.chain(proto_names)),
            by_small_number: by_small_number(&plans),
            fields: plans,
        }
    }

    fn field(&self, descriptor: &FieldDescriptor, oneof: Option<usize>) -> FieldPlan {
        let kind = self.kind(descriptor);
        let name = match self.options.use_proto_field_names {
            true => descriptor.name(),
            false => descriptor.json_name(),
        };
        let mut label = vec![b','];
        text::quote(name, &mut label);
        label.push(b':');
        FieldPlan {
            descriptor: descriptor.clone(),
            number: descriptor.number(),
            tag: wire::tag(descriptor.number(), kind.wire_type()),
            json_name: descriptor.json_name().into(),
            label: label.into(),
            kind,
            cardinality: cardinality(descriptor),
            oneof,
            takes_null: takes_null(&descriptor.kind()),
        }
    }

    fn kind(&self, field: &FieldDescriptor) -> Kind {
        use prost_reflect::Kind as Source;
        match field.kind() {
            Source::Double => Kind::Number(Numeric::Double),
            Source::Float => Kind::Number(Numeric::Float),
            Source::Int32 => Kind::Number(Numeric::Int32),
            Source::Int64 => Kind::Number(Numeric::Int64),
            Source::Uint32 => Kind::Number(Numeric::Uint32),
            Source::Uint64 => Kind::Number(Numeric::Uint64),
            Source::Sint32 => Kind::Number(Numeric::Sint32),
            Source::Sint64 => Kind::Number(Numeric::Sint64),
            Source::Fixed32 => Kind::Number(Numeric::Fixed32),
            Source::Fixed64 => Kind::Number(Numeric::Fixed64),
            Source::Sfixed32 => Kind::Number(Numeric::Sfixed32),
            Source::Sfixed64 => Kind::Number(Numeric::Sfixed64),
            Source::Bool => Kind::Bool,
            Source::String => Kind::String,
            Source::Bytes => Kind::Bytes,
            Source::Message(message) => {
                let id = MessageId(self.messages[message.full_name()]);
                if field.is_group() {
                    Kind::Group(id)
                } else {
                    Kind::Message(id)
                }
            }
            Source::Enum(enumeration) => Kind::Enum(EnumId(self.enums[enumeration.full_name()])),
        }
    }
}

fn cardinality(field: &FieldDescriptor) -> Cardinality {
    if field.is_map() && has_key_and_value(field) {
        Cardinality::Map
    } else if field.is_list() || field.is_map() {
        Cardinality::List {
            is_packed: field.is_packed(),
        }
    } else if field.supports_presence() {
        Cardinality::Explicit
    } else {
        Cardinality::Implicit
    }
}

fn has_key_and_value(map: &FieldDescriptor) -> bool {
    use prost_reflect::Kind as Source;
    let kind = map.kind();
    kind.as_message().is_some_and(|entry| {
        let is_key = |kind| {
            !matches!(
                kind,
                Source::Float | Source::Double | Source::Bytes | Source::Message(_) | Source::Enum(_)
            )
        };
        entry.fields().map(|field| field.number()).eq([1, 2])
            && entry
                .get_field(1)
                .is_some_and(|key| is_key(key.kind()) && !key.is_list())
            && entry
                .get_field(2)
                .is_some_and(|value| !value.is_list() && !value.is_group())
    })
}

fn takes_null(kind: &prost_reflect::Kind) -> bool {
    let name = kind.as_message().map(MessageDescriptor::full_name);
    let name = name.or_else(|| kind.as_enum().map(EnumDescriptor::full_name));
    matches!(name, Some("google.protobuf.Value" | "google.protobuf.NullValue"))
}

fn by_small_number(fields: &[FieldPlan]) -> Box<[u16]> {
    let largest = fields.last().map_or(0, |field| field.number).min(SMALL_NUMBERS);
    let mut table = vec![0; largest as usize + 1];
    for (index, field) in fields
        .iter()
        .enumerate()
        .take_while(|(_, field)| field.number <= largest)
    {
        table[field.number as usize] = u16::try_from(index + 1).expect("the table holds few fields");
    }
    table.into()
}

/// Well-known types by name, if they have the fields they are known for.
fn shape(message: &MessageDescriptor) -> Shape {
    use prost_reflect::Kind as Source;
    let Some(name) = message.full_name().strip_prefix("google.protobuf.") else {
        return Shape::Fields;
    };
    let kinds: Vec<_> = (1..=6)
        .map_while(|number| message.get_field(number))
        .map(|field| field.kind())
        .collect();
    match (name, kinds.as_slice()) {
        ("Any", [Source::String, Source::Bytes]) => Shape::Any,
        ("Timestamp", [Source::Int64, Source::Int32]) => Shape::Timestamp,
        ("Duration", [Source::Int64, Source::Int32]) => Shape::Duration,
        ("FieldMask", [Source::String]) => Shape::FieldMask,
        ("Struct" | "ListValue", [Source::Message(_)]) => Shape::OnlyField,
        ("DoubleValue", [Source::Double])
        | ("FloatValue", [Source::Float])
        | ("Int64Value", [Source::Int64])
        | ("UInt64Value", [Source::Uint64])
        | ("Int32Value", [Source::Int32])
        | ("UInt32Value", [Source::Uint32])
        | ("BoolValue", [Source::Bool])
        | ("StringValue", [Source::String])
        | ("BytesValue", [Source::Bytes]) => Shape::OnlyField,
        (
            "Value",
            [
                Source::Enum(_),
                Source::Double,
                Source::String,
                Source::Bool,
                Source::Message(_),
                Source::Message(_),
            ],
        ) => Shape::Value,
        ("Empty", []) => Shape::Empty,
        _ => Shape::Fields,
    }
}

fn enumeration(descriptor: &EnumDescriptor) -> EnumPlan {
    let declared = &descriptor.enum_descriptor_proto().value;
    let quoted = |name: &str| {
        let mut quoted = Vec::new();
        text::quote(name, &mut quoted);
        quoted.into_boxed_slice()
    };
    let mut values: Vec<_> = declared
        .iter()
        .map(|value| (value.number(), quoted(value.name())))
        .collect();
    values.sort_by_key(|(number, _)| *number);
    values.dedup_by_key(|(number, _)| *number);
    EnumPlan {
        full_name: descriptor.full_name().into(),
        is_null: descriptor.full_name() == "google.protobuf.NullValue",
        values,
        names: Names::new(
            declared
                .iter()
                .enumerate()
                .map(|(index, value)| (value.name(), index)),
        ),
        numbers: declared.iter().map(|value| value.number()).collect(),
    }
}
