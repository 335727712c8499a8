//! The compiled pool and its messages: where a caller starts.

use std::sync::Arc;

use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::plan::{MessageId, Plans};
use crate::{Error, FieldPath, Options, parse, print};

/// Compiled descriptors of one pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Codec {
    plans: Arc<Plans>,
}

impl Codec {
    /// Compiles all messages of the pool. The pool is also the registry of `google.protobuf.Any`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a pool is a cheap handle, and callers part with it here"
    )]
    pub fn new(pool: DescriptorPool, options: Options) -> Self {
        Self {
            plans: Arc::new(Plans::new(&pool, options)),
        }
    }

    /// The compiled message type of a descriptor.
    ///
    /// # Panics
    /// When the descriptor is not of this codec's pool.
    #[must_use]
    pub fn message(&self, descriptor: &MessageDescriptor) -> Message {
        let id = self
            .plans
            .id(descriptor.full_name())
            .expect("the descriptor is of the codec's pool");
        Message {
            plans: self.plans.clone(),
            id,
        }
    }
}

/// A compiled message type. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Message {
    pub(crate) plans: Arc<Plans>,
    pub(crate) id: MessageId,
}

impl Message {
    /// Appends the wire bytes of a whole message given as JSON text.
    ///
    /// # Errors
    /// All violations of the text; `out` is then as it was.
    pub fn to_wire(&self, json: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        parse::message(&self.plans, self.id, json, out)
    }

    /// Appends the JSON text of a message given as wire bytes.
    ///
    /// # Errors
    /// The first violation of the wire bytes; `out` is then as it was.
    pub fn to_json(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        print::message(&self.plans, self.id, wire, out)
    }

    /// A field by a dotted path of proto or JSON names (`a.b_c`, `a.bC`) that leads through singular messages, as
    /// paths and query keys of google.api.http do. None when there is no such field.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<FieldPath> {
        FieldPath::new(self, path)
    }
}
