//! Scalars, and the messages that JSON has its own form for.

use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};

use crate::openapi::model::{Additional, Schema};

/// A well-known type whose JSON is not an object of its fields.
pub(super) fn message(message: &MessageDescriptor) -> Option<Schema> {
    let name = message.full_name().strip_prefix("google.protobuf.")?;
    Some(match name {
        "Timestamp" => like(formatted("string", "date-time"), "2026-01-31T12:00:00Z"),
        "Duration" => like(pattern(r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"), "1.5s"),
        "FieldMask" => like(
            pattern("^([a-zA-Z0-9.]+(,[a-zA-Z0-9.]+)*)?$"),
            "name,parent.displayName",
        ),
        "Struct" => Schema {
            additional_properties: Some(Additional::Are(true)),
            ..Schema::of("object")
        },
        "ListValue" => Schema::list(Schema::default()),
        "Value" => Schema::default().described("Any JSON value."),
        "Any" => any(),
        "DoubleValue" => scalar(&Kind::Double),
        "FloatValue" => scalar(&Kind::Float),
        "Int64Value" => scalar(&Kind::Int64),
        "UInt64Value" => scalar(&Kind::Uint64),
        "Int32Value" => scalar(&Kind::Int32),
        "UInt32Value" => scalar(&Kind::Uint32),
        "BoolValue" => scalar(&Kind::Bool),
        "StringValue" => scalar(&Kind::String),
        "BytesValue" => scalar(&Kind::Bytes),
        _ => return None,
    })
}

pub(crate) fn is_special(descriptor: &MessageDescriptor) -> bool {
    message(descriptor).is_some()
}

/// Whether a message can be a query parameter.
pub(crate) fn has_text_form(descriptor: &MessageDescriptor) -> bool {
    let is_container = ["object", "array"].map(Some);
    message(descriptor).is_some_and(|schema| {
        !is_container.contains(&schema.kind) && (schema.kind, schema.any_of.len()) != (None, 0)
    })
}

pub(super) fn enumeration(descriptor: &EnumDescriptor) -> Option<Schema> {
    (descriptor.full_name() == "google.protobuf.NullValue").then(|| Schema::of("null"))
}

pub(super) fn scalar(kind: &Kind) -> Schema {
    match kind {
        Kind::Double => number("double"),
        Kind::Float => number("float"),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => range(
            formatted("integer", "int32"),
            i64::from(i32::MIN),
            i64::from(i32::MAX),
        ),
        Kind::Uint32 | Kind::Fixed32 => range(formatted("integer", "uint32"), 0, i64::from(u32::MAX)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Schema {
            format: Some("int64"),
            ..pattern("^-?[0-9]{1,19}$")
        },
        Kind::Uint64 | Kind::Fixed64 => Schema {
            format: Some("uint64"),
            ..pattern("^[0-9]{1,20}$")
        },
        Kind::Bool => Schema::of("boolean"),
        Kind::String => Schema::of("string"),
        Kind::Bytes => Schema {
            content_encoding: Some("base64"),
            ..Schema::of("string")
        },
        Kind::Message(_) | Kind::Enum(_) => Schema::default(),
    }
}

/// What the keys of a map must look like; texts need not look like anything.
pub(super) fn key(kind: &Kind) -> Option<Schema> {
    let schema = scalar(kind);
    match schema.kind {
        Some("integer") => Some(pattern("^-?[0-9]{1,10}$")),
        Some("boolean") => Some(Schema {
            values: vec!["false".to_owned(), "true".to_owned()],
            ..Schema::of("string")
        }),
        _ => schema.pattern.map(pattern),
    }
}

/// A number, or what JSON has no number for.
fn number(format: &'static str) -> Schema {
    let others = Schema {
        values: ["NaN", "Infinity", "-Infinity"].map(str::to_owned).to_vec(),
        ..Schema::of("string")
    };
    Schema::any_of(vec![formatted("number", format), others])
}

fn any() -> Schema {
    Schema {
        properties: [("@type".to_owned(), Schema::of("string"))].into_iter().collect(),
        additional_properties: Some(Additional::Are(true)),
        ..Schema::of("object").described(
            "A message of the type that `@type` names, like `type.googleapis.com/google.rpc.ErrorInfo`: its fields stand \
             beside it.",
        )
    }
}

fn formatted(kind: &'static str, format: &'static str) -> Schema {
    Schema {
        format: Some(format),
        ..Schema::of(kind)
    }
}

fn pattern(pattern: &'static str) -> Schema {
    Schema {
        pattern: Some(pattern),
        ..Schema::of("string")
    }
}

fn like(schema: Schema, example: &'static str) -> Schema {
    Schema {
        examples: Some([example]),
        ..schema
    }
}

fn range(schema: Schema, minimum: i64, maximum: i64) -> Schema {
    Schema {
        minimum: Some(minimum),
        maximum: Some(maximum),
        ..schema
    }
}
