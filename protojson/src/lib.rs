//! ProtoJSON text to protobuf wire bytes and back, compiled from descriptors.
//!
//! Pure: bytes in, bytes out. Knows nothing of HTTP, nor of anybody's messages.

mod base64;
mod codec;
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
pub use error::{Error, Reason, Violation};
pub use field_path::FieldPath;
pub use options::Options;
