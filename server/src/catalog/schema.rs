//! The JSON Schema of a payload: compiled once, from its own file alone, and asked for everything that is wrong.
//!
//! The only file that knows the schema library. What it tells partners names places and rules, never values.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Violations that are looked for at most.
const VIOLATIONS_MAX: usize = 100;
/// Rules can be long, such as an `enum` of all countries.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// Where a payload is in the request that carries it.
const PAYLOAD: &str = "/payload";

/// A schema that payloads are held against.
#[derive(Debug)]
pub(super) struct Schema {
    document: Value,
    validator: Validator,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations {
    /// At least one, 100 at most.
    pub list: Vec<Violation>,
    /// Whether there are more.
    pub truncated: bool,
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the request, `/payload/…`; its last part is the name where one is missing or unknown.
    pub pointer: String,
    /// The schema's keyword in `UPPER_SNAKE`, such as `MIN_LENGTH`.
    pub reason: String,
    /// For people; never a value of the payload.
    pub description: String,
}

impl Schema {
    /// Compiles a schema: draft 2020-12 unless `$schema` says otherwise, formats asserted, patterns in linear time, nothing fetched.
    pub(super) fn compile(document: Value) -> Result<Self, String> {
        let options = jsonschema::options()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_pattern_options(PatternOptions::regex())
            .offline();
        let validator = options
            .build(&document)
            .map_err(|error| match error.schema_path().as_str() {
                "" => error.to_string(),
                path => format!("{path}: {error}"),
            })?;
        Ok(Self { document, validator })
    }

    /// The schema as it was written.
    pub(super) const fn document(&self) -> &Value {
        &self.document
    }

    /// Whether a payload fits, or all that does not.
    pub(super) fn check(&self, payload: &Value) -> Result<(), Violations> {
        if self.validator.is_valid(payload) {
            return Ok(());
        }
        let mut list = Vec::new();
        for error in self.validator.iter_errors(payload) {
            list.extend(violations(&error));
            if list.len() > VIOLATIONS_MAX {
                break;
            }
        }
        let truncated = list.len() > VIOLATIONS_MAX;
        list.truncate(VIOLATIONS_MAX);
        Err(Violations { list, truncated })
    }
}

/// One violation for each name that is missing or unknown, and one for anything else.
fn violations(error: &ValidationError<'_>) -> Vec<Violation> {
    let place = format!("{PAYLOAD}{}", error.instance_path());
    let reason = upper_snake(error.kind().keyword());
    let named = |name: &str, description: &str| Violation {
        pointer: format!("{place}/{}", escape(name)),
        reason: reason.clone(),
        description: description.to_owned(),
    };
    if let ValidationErrorKind::Required { property } = error.kind() {
        return vec![named(property.as_str().unwrap_or_default(), "is required")];
    }
    if let ValidationErrorKind::AdditionalProperties { unexpected }
    | ValidationErrorKind::UnevaluatedProperties { unexpected } = error.kind()
    {
        return unexpected
            .iter()
            .take(VIOLATIONS_MAX + 1)
            .map(|name| named(name, "is not known here"))
            .collect();
    }
    // The library masks the outer error alone, and the value of this inner one is a name that the caller sent.
    let description = if let ValidationErrorKind::PropertyNames { error: inner } = error.kind() {
        inner.masked_with("a name in it").to_string()
    } else {
        error.masked_with("the value").to_string()
    };
    vec![Violation {
        pointer: place,
        reason,
        description: cut(description),
    }]
}

/// `minLength` as `MIN_LENGTH`; `$ref` as `REF`.
fn upper_snake(keyword: &str) -> String {
    let mut reason = String::new();
    for character in keyword.chars().filter(char::is_ascii_alphanumeric) {
        if character.is_ascii_uppercase() {
            reason.push('_');
        }
        reason.push(character.to_ascii_uppercase());
    }
    reason
}

/// A name as a part of a JSON Pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn cut(text: String) -> String {
    match text.char_indices().nth(DESCRIPTION_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
