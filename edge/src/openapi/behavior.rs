//! What a field says of its own use: `google.api.field_behavior` (`google/api/field_behavior.proto`, AIP-203).
//!
//! Told in the documents; whether callers keep to it is the upstream's business. A descriptor set without the extension
//! says nothing.

use prost_reflect::{FieldDescriptor, ReflectMessage as _, Value};

/// What is said of an immutable field: OpenAPI has no word for it.
pub(super) const IMMUTABLE: &str = "Once set, it does not change.";

/// The behaviors of a field that the documents have words for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Behavior {
    is_required: bool,
    /// Set by the server alone: what a caller says is ignored.
    pub(super) is_output_only: bool,
    /// Never in an answer.
    pub(super) is_input_only: bool,
    pub(super) is_immutable: bool,
}

impl Behavior {
    pub(super) fn of(field: &FieldDescriptor) -> Self {
        let mut behavior = Self::default();
        for number in numbers(field) {
            match number {
                2 => behavior.is_required = true,
                3 => behavior.is_output_only = true,
                4 => behavior.is_input_only = true,
                5 => behavior.is_immutable = true,
                // OPTIONAL says what goes without saying; the others are for lists, defaults and names of resources.
                _ => {}
            }
        }
        behavior
    }
}

/// Whether a caller must set a field.
pub(super) fn is_required(field: &FieldDescriptor) -> bool {
    let behavior = Behavior::of(field);
    field.is_required() || behavior.is_required && !behavior.is_output_only
}

fn numbers(field: &FieldDescriptor) -> Vec<i32> {
    let extension = field
        .parent_pool()
        .get_extension_by_name("google.api.field_behavior");
    let options = field.options();
    let Some(extension) =
        extension.filter(|extension| extension.containing_message() == options.descriptor())
    else {
        return Vec::new();
    };
    let values = options.get_extension(&extension);
    let values = values.as_list().unwrap_or_default();
    values.iter().filter_map(Value::as_enum_number).collect()
}
