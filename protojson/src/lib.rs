//! ProtoJSON text to protobuf wire bytes and back, compiled from descriptors.
//!
//! Pure: bytes in, bytes out. Knows nothing of HTTP, nor of anybody's messages.
//!
//! A [`Codec`] compiles a pool of descriptors into tables once; a [`Message`] then reads and prints in one pass, without
//! a message in between; a [`FieldPath`] does the same for one field, as google.api.http needs it.
//!
//! ```
//! use postern_protojson::{Codec, Options};
//! use prost_reflect::DescriptorPool;
//!
//! let pool = DescriptorPool::global();
//! let duration = pool.get_message_by_name("google.protobuf.Duration").unwrap();
//! let message = Codec::new(pool, Options::default()).message(&duration);
//!
//! let (mut wire, mut json) = (Vec::new(), Vec::new());
//! message.to_wire(br#""1.5s""#, &mut wire)?;
//! message.to_json(&wire, &mut json)?;
//! assert_eq!(json, br#""1.500s""#);
//! # Ok::<(), postern_protojson::Error>(())
//! ```
//!
//! [`pool`] makes a pool of a descriptor set that has files of editions, which prost-reflect alone does not read.
//!
//! The rules are those of the specification (protobuf.dev/programming-guides/json). Where it leaves a choice:
//!
//! - A name given twice is refused, in maps and `Struct` too, and when a field is given by each of its two names. Null
//!   sets nothing, so a null member is none of its oneof.
//! - Members print in the order of field numbers, map entries in the order of the wire.
//! - Whole doubles below 2^53 print without a fraction (`1`), others in the shortest form that reads back (`1e+300`).
//! - An `Any` that holds `google.protobuf.Empty` prints `"value":{}` and is read without it as well; one without type
//!   and content is `{}`; a `Value` that holds nothing prints as null.
//! - On the wire a field of another wire type is unknown, of oneof members and map keys the last counts, and split
//!   messages merge, as parsers have it.
//!
//! Left out: extensions (read as unknown fields, skipped on the wire), required fields (not checked), closed
//! enums (read and printed like open ones).

mod base64;
mod codec;
mod editions;
mod error;
mod field_path;
mod json;
mod mask;
mod options;
mod parse;
mod plan;
mod pointer;
mod print;
mod time;
mod wire;

pub use codec::{Codec, Message};
pub use editions::pool;
pub use error::{Error, Reason, Violation};
pub use field_path::FieldPath;
pub use options::Options;
