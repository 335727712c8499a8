//! The JSON Schema of a payload: compiled once, from its own file alone, and asked for everything that is wrong.
//!
//! The only file that knows the schema library. What it tells partners names places and rules, never values.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Violations that are looked for at most.
const VIOLATIONS_MAX: usize = 100;
/// Values of a payload, beyond which only its first violation is looked for. The library collects them all before it gives one away, so
/// a payload of nothing but faults would cost hundreds of megabytes; this many cost some ten.
const VALUES_MAX: usize = 50_000;
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
    /// Whether there may be more.
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
            .map_err(|error| match error.instance_path().as_str() {
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
        let is_large = values(payload, VALUES_MAX) >= VALUES_MAX;
        let mut list = Vec::new();
        let first = || self.validator.validate(payload).err();
        let errors: Box<dyn Iterator<Item = _>> = if is_large {
            Box::new(first().into_iter())
        } else {
            Box::new(self.validator.iter_errors(payload))
        };
        for error in errors {
            list.extend(violations(&error, payload));
            if list.len() > VIOLATIONS_MAX {
                break;
            }
        }
        let truncated = is_large || list.len() > VIOLATIONS_MAX;
        list.truncate(VIOLATIONS_MAX);
        Err(Violations { list, truncated })
    }
}

/// How many values there are in a value, itself included; counted up to `max`.
fn values(value: &Value, max: usize) -> usize {
    let mut count = 0;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        count += 1;
        if count + open.len() >= max {
            return max;
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    count
}

/// One violation for each name that is missing or unknown, and one for anything else.
fn violations(error: &ValidationError<'_>, payload: &Value) -> Vec<Violation> {
    let place = format!("{PAYLOAD}{}", error.instance_path());
    let reason = upper_snake(keyword(error));
    let named = |name: &str, description: &str| Violation {
        pointer: format!("{place}/{}", escape(name)),
        reason: reason.clone(),
        description: description.to_owned(),
    };
    if let ValidationErrorKind::Required { property } = error.kind() {
        return vec![named(property.as_str().unwrap_or_default(), "is required")];
    }
    if let Some(names) = unknown_names(error, payload) {
        return names
            .into_iter()
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

/// The keyword that was not met.
fn keyword<'a>(error: &'a ValidationError<'_>) -> &'a str {
    if is_closed(error) {
        "additionalProperties"
    } else {
        error.kind().keyword()
    }
}

/// The names that an object may not have, if that is what is wrong.
fn unknown_names<'a>(error: &'a ValidationError<'_>, payload: &'a Value) -> Option<Vec<&'a str>> {
    if let ValidationErrorKind::AdditionalProperties { unexpected }
    | ValidationErrorKind::UnevaluatedProperties { unexpected } = error.kind()
    {
        return Some(unexpected.iter().map(String::as_str).collect());
    }
    let object = payload.pointer(error.instance_path().as_str())?.as_object()?;
    is_closed(error).then(|| object.keys().map(String::as_str).collect())
}

/// Whether an object is not empty that must be. The library says so in another way than of one that may have some names.
fn is_closed(error: &ValidationError<'_>) -> bool {
    let rule = error.schema_path().as_str();
    matches!(error.kind(), ValidationErrorKind::FalseSchema)
        && rule.ends_with("/additionalProperties")
        // A property of that name.
        && !rule.ends_with("/properties/additionalProperties")
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
