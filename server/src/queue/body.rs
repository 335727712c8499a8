//! The body of a message as a JSON object, read as leniently as anybody may have written it.

use serde_json::{Map, Value};

use crate::json;

/// Why a message is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not a JSON object, or nested too deep.
    #[error("not a JSON object: {0}")]
    NotJson(String),
    /// It has no token.
    #[error("no outcome token")]
    NoToken,
    /// What it tells of is not known.
    #[error("unknown event")]
    UnknownEvent,
    /// It is an outcome where tasks are.
    #[error("an outcome, and no task")]
    NoTask,
}

/// The object that a body is.
pub(super) fn object(body: &str) -> Result<Map<String, Value>, Unreadable> {
    let value: Value = serde_json::from_str(body)
        .or_else(|_invalid| serde_json::from_str(&json::whole_characters(body)))
        .map_err(|error| Unreadable::NotJson(error.to_string()))?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Unreadable::NotJson("another kind of value".to_owned()))
        }
    }
}

/// The members of an object, by their names in camelCase or in `snake_case`; one of a wrong type is read as absent.
pub(super) struct Members<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).or_else(|| self.0.get(&snake_case(name)))
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A whole number, also where it is written with a fraction of zero; one that is out of range is the nearest that is not.
    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        #[allow(clippy::cast_possible_truncation, reason = "whole, and the cast saturates")]
        let from_double = |double: f64| (double.fract() == 0.0).then_some(double as i64);
        value.as_i64().or_else(|| value.as_f64().and_then(from_double))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An object; an empty array is what PHP makes of an empty one.
    pub(super) fn object(&self, name: &str) -> Option<Map<String, Value>> {
        match self.get(name)? {
            Value::Object(object) => Some(object.clone()),
            Value::Array(items) if items.is_empty() => Some(Map::new()),
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
}

/// `outcomeToken` as `outcome_token`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
