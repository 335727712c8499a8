//! What can be wrong with a text or with wire bytes, and where. Never echoes a value: descriptions may be shown to
//! strangers and logged.

use std::fmt;

/// Everything found wrong by one call, [`Options::violations_max`](crate::Options::violations_max) at most.
///
/// Malformed input stops at once; wrong types, unknown and duplicate fields and values out of range are collected
/// as far as the text can still be read. Wire bytes stop at the first violation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    violations: Vec<Violation>,
    truncated: bool,
}

impl Error {
    pub(crate) fn new(violations: Vec<Violation>, truncated: bool) -> Self {
        Self {
            violations,
            truncated,
        }
    }

    /// The violations in the order of the text; at least one.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The same, for keeps.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Whether there may be more violations than were collected.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether the output would have grown beyond its limit.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.reason == Reason::TooLarge)
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::new(vec![violation], false)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.violations.first() else {
            return f.write_str("invalid message");
        };
        write!(f, "{first}")?;
        match self.violations.len() {
            1 => Ok(()),
            count => write!(f, " (and {} more)", count - 1),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// RFC 6901 JSON Pointer into the root message written as JSON; its last part is the name that is unknown or
    /// missing where that is what is wrong. Empty for the root itself.
    pub pointer: String,
    /// The kind of violation.
    pub reason: Reason,
    /// What was expected, for a person.
    pub description: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.description),
            pointer => write!(f, "{pointer}: {}", self.description),
        }
    }
}

/// The kinds of violations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not JSON as of RFC 8259, or not UTF-8.
    MalformedJson,
    /// Not a protobuf message.
    MalformedWire,
    /// The message has no such field.
    UnknownField,
    /// An object names a field or key twice, also once by each of its two names.
    DuplicateField,
    /// Two members of one oneof.
    OneofConflict,
    /// A member that must be there is not (`@type` and `value` of an `Any`).
    MissingField,
    /// Another JSON type is expected.
    WrongType,
    /// A number, timestamp or duration outside of its type's range.
    OutOfRange,
    /// The right JSON type, but no value of the field's type; on the wire, a value that JSON has no text for.
    InvalidValue,
    /// No such name in the enum.
    UnknownEnumValue,
    /// An `Any` of a message type that the pool does not have.
    UnknownMessageType,
    /// A whole number that a double cannot hold, where only a double is.
    UnsafeInteger,
    /// Nested deeper than [`Options::depth_max`](crate::Options::depth_max).
    TooDeep,
    /// More output than [`Options::output_bytes_max`](crate::Options::output_bytes_max) or `text_bytes_max`.
    TooLarge,
}

impl Reason {
    /// The reason as it stands in an error body: `UPPER_SNAKE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "MALFORMED_JSON",
            Self::MalformedWire => "MALFORMED_WIRE",
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::DuplicateField => "DUPLICATE_FIELD",
            Self::OneofConflict => "ONEOF_CONFLICT",
            Self::MissingField => "MISSING_FIELD",
            Self::WrongType => "WRONG_TYPE",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::InvalidValue => "INVALID_VALUE",
            Self::UnknownEnumValue => "UNKNOWN_ENUM_VALUE",
            Self::UnknownMessageType => "UNKNOWN_MESSAGE_TYPE",
            Self::UnsafeInteger => "UNSAFE_INTEGER",
            Self::TooDeep => "TOO_DEEP",
            Self::TooLarge => "TOO_LARGE",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
