//! What the codec knows of message types: descriptors compiled once into tables that reading and printing walk over.
//! All messages of a pool lie in one list and refer to one another by index, so recursive types need no care. Knows
//! nothing of JSON texts or wire bytes.

mod compile;
mod names;

use std::collections::HashMap;
use std::fmt;

use prost_reflect::{DescriptorPool, FieldDescriptor};

use crate::Options;
use crate::wire::{Record, WireType};
use names::Names;

/// All message and enum types of a pool.
pub(crate) struct Plans {
    pub(crate) options: Options,
    messages: Vec<MessagePlan>,
    enums: Vec<EnumPlan>,
    by_name: HashMap<Box<str>, MessageId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageId(usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EnumId(usize);

impl fmt::Debug for Plans {
    /// Without the types: descriptors of members of a oneof print one another, and find no end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plans")
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

impl Plans {
    pub(crate) fn new(pool: &DescriptorPool, options: Options) -> Self {
        compile::pool(pool, options)
    }

    #[inline]
    pub(crate) fn message(&self, id: MessageId) -> &MessagePlan {
        &self.messages[id.0]
    }

    #[inline]
    pub(crate) fn enumeration(&self, id: EnumId) -> &EnumPlan {
        &self.enums[id.0]
    }

    pub(crate) fn id(&self, full_name: &str) -> Option<MessageId> {
        self.by_name.get(full_name).copied()
    }

    /// The type of a map field's entries: the fields are `key` and `value`.
    #[inline]
    pub(crate) fn entry(&self, map: &FieldPlan) -> &MessagePlan {
        self.message(
            map.kind
                .message()
                .expect("only fields whose messages are entries are compiled to maps"),
        )
    }
}

/// A message type.
#[derive(Debug)]
pub(crate) struct MessagePlan {
    pub(crate) full_name: Box<str>,
    pub(crate) shape: Shape,
    /// In the order of their numbers.
    pub(crate) fields: Box<[FieldPlan]>,
    pub(crate) oneofs: usize,
    /// JSON and proto names to indices of `fields`.
    names: Names,
    /// For small numbers: index of the field plus one.
    by_small_number: Box<[u16]>,
}

impl MessagePlan {
    #[inline]
    pub(crate) fn index_by_name(&self, name: &str) -> Option<usize> {
        self.names.find(name)
    }

    /// The field that parsers take a record for.
    #[inline]
    pub(crate) fn field_of(&self, record: Record<'_>) -> Option<&FieldPlan> {
        let field = &self.fields[self.index_by_number(record.number)?];
        field.accepts(record.value.wire_type()).then_some(field)
    }

    #[inline]
    pub(crate) fn index_by_number(&self, number: u32) -> Option<usize> {
        match self.by_small_number.get(number as usize) {
            Some(0) => None,
            Some(&index) => Some(usize::from(index) - 1),
            None => self
                .fields
                .binary_search_by_key(&number, |field| field.number)
                .ok(),
        }
    }
}

/// How a message is written in JSON (protobuf.dev/programming-guides/json, "JSON mapping").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An object with a member a field.
    Fields,
    Any,
    Timestamp,
    Duration,
    FieldMask,
    /// As its only field: `Struct`, `ListValue` and the wrappers.
    OnlyField,
    Value,
    /// `{}`, but special within an `Any`.
    Empty,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct FieldPlan {
    pub(crate) descriptor: FieldDescriptor,
    pub(crate) number: u32,
    /// The tag of one value.
    pub(crate) tag: u32,
    pub(crate) json_name: Box<str>,
    /// The name as it is printed: a comma, the name in quotes, a colon.
    pub(crate) label: Box<[u8]>,
    pub(crate) kind: Kind,
    pub(crate) cardinality: Cardinality,
    pub(crate) oneof: Option<usize>,
    /// Whether JSON null is a value: `Value` and `NullValue`.
    pub(crate) takes_null: bool,
}

impl FieldPlan {
    /// Whether a value laid out like this may be one of this field; parsers take anything else for an unknown field.
    #[inline]
    pub(crate) fn accepts(&self, wire_type: WireType) -> bool {
        let expected = self.kind.wire_type();
        wire_type == expected
            || (wire_type == WireType::Bytes
                && !self.is_group()
                && matches!(self.cardinality, Cardinality::List { .. }))
    }

    #[inline]
    pub(crate) fn is_group(&self) -> bool {
        matches!(self.kind, Kind::Group(_))
    }

    #[inline]
    pub(crate) fn is_singular(&self) -> bool {
        matches!(self.cardinality, Cardinality::Implicit | Cardinality::Explicit)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cardinality {
    /// Without presence: default and absent are the same.
    Implicit,
    /// With presence.
    Explicit,
    List {
        is_packed: bool,
    },
    Map,
}

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Number(Numeric),
    String,
    Bytes,
    Enum(EnumId),
    Message(MessageId),
    /// A message between two tags instead of behind its length: groups of proto2, `DELIMITED` messages of editions.
    Group(MessageId),
}

impl Kind {
    #[inline]
    pub(crate) fn wire_type(self) -> WireType {
        match self {
            Self::Bool | Self::Enum(_) => WireType::Varint,
            Self::Number(numeric) => numeric.wire_type(),
            Self::String | Self::Bytes | Self::Message(_) => WireType::Bytes,
            Self::Group(_) => WireType::Group,
        }
    }

    /// What a value is in JSON, for people.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Bool => "expected true or false",
            Self::Number(numeric) => numeric.expected(),
            Self::String => "expected a string",
            Self::Bytes => "expected a string of base64",
            Self::Enum(_) => "expected the name or number of an enum value",
            Self::Message(_) | Self::Group(_) => "expected a message",
        }
    }

    pub(crate) fn message(self) -> Option<MessageId> {
        match self {
            Self::Message(id) | Self::Group(id) => Some(id),
            Self::Bool | Self::Number(_) | Self::String | Self::Bytes | Self::Enum(_) => None,
        }
    }
}

/// The numeric types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numeric {
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Float,
    Double,
}

impl Numeric {
    #[inline]
    fn wire_type(self) -> WireType {
        match self {
            Self::Int32 | Self::Int64 | Self::Uint32 | Self::Uint64 | Self::Sint32 | Self::Sint64 => {
                WireType::Varint
            }
            Self::Fixed32 | Self::Sfixed32 | Self::Float => WireType::Fixed32,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => WireType::Fixed64,
        }
    }

    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Int32 | Self::Sint32 | Self::Sfixed32 => "expected a signed 32-bit integer",
            Self::Int64 | Self::Sint64 | Self::Sfixed64 => {
                "expected a signed 64-bit integer, as a number or string"
            }
            Self::Uint32 | Self::Fixed32 => "expected an unsigned 32-bit integer",
            Self::Uint64 | Self::Fixed64 => "expected an unsigned 64-bit integer, as a number or string",
            Self::Float => "expected a number within the range of a 32-bit float, NaN, Infinity or -Infinity",
            Self::Double => {
                "expected a number within the range of a 64-bit float, NaN, Infinity or -Infinity"
            }
        }
    }
}

/// An enum type.
#[derive(Debug)]
pub(crate) struct EnumPlan {
    pub(crate) full_name: Box<str>,
    /// `google.protobuf.NullValue`, which is JSON's null.
    pub(crate) is_null: bool,
    /// Numbers and names in quotes, by number; of aliases the first.
    values: Vec<(i32, Box<[u8]>)>,
    /// Names to numbers, aliases included.
    names: Names,
    numbers: Vec<i32>,
}

impl EnumPlan {
    #[inline]
    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.names.find(name).map(|index| self.numbers[index])
    }

    /// The name in quotes.
    #[inline]
    pub(crate) fn quoted_name(&self, number: i32) -> Option<&[u8]> {
        // Most enums count from zero without a gap.
        if let Some((known, name)) = usize::try_from(number)
            .ok()
            .and_then(|index| self.values.get(index))
            && *known == number
        {
            return Some(name);
        }
        let index = self
            .values
            .binary_search_by_key(&number, |(known, _)| *known)
            .ok()?;
        Some(&self.values[index].1)
    }
}
