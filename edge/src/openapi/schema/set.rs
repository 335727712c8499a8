//! What the path of a route sets, and the body therefore need not: seen from each message of the body. Knows nothing of
//! schemas.

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::single_message;
use crate::openapi::behavior::is_required;

/// A field that the path of a route sets, seen from a message of the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set<'p> {
    /// JSON Pointer of the field in the message.
    pub(crate) pointer: &'p str,
    /// Whether one parameter is all of it.
    pub(crate) is_whole: bool,
}

impl<'p> Set<'p> {
    /// Whether the body is another one for it than without a path.
    pub(super) fn changes(self, message: &MessageDescriptor) -> bool {
        message.fields().any(|field| {
            let inner = || Some((self.within(&field)?, single_message(&field)?));
            self.is(&field) && (self.is_whole || is_required(&field))
                || inner().is_some_and(|(set, message)| is_required(&field) || set.changes(&message))
        })
    }

    /// Whether it is this field of the message.
    pub(super) fn is(self, field: &FieldDescriptor) -> bool {
        self.pointer.strip_prefix('/') == Some(field.json_name())
    }

    /// The same, seen from the message in this field, if it is in there.
    pub(super) fn within(self, field: &FieldDescriptor) -> Option<Self> {
        let inner = self.pointer.strip_prefix('/')?.strip_prefix(field.json_name())?;
        inner.starts_with('/').then_some(Self {
            pointer: inner,
            ..self
        })
    }
}

/// Whether callers must set a field, and not by the path.
pub(crate) fn is_left_to_body(field: &FieldDescriptor, sets: &[Set<'_>]) -> bool {
    let is_set = |set: &Set<'_>| set.is(field) || set.within(field).is_some();
    is_required(field) && !sets.iter().any(is_set)
}
