//! A `google.protobuf.Struct` as JSON, and back.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as ProtoValue};
use serde_json::{Map, Number, Value};

use super::problem::Violation;
use crate::json::{self, Unfit};

/// Faults that are looked for at most.
const VIOLATIONS_MAX: usize = 100;

/// The JSON object of a Struct below `pointer`, or everything in it that JSON cannot carry unharmed.
pub(super) fn to_json(payload: Struct, pointer: &str) -> Result<Map<String, Value>, Vec<Violation>> {
    let mut reader = Reader {
        pointer: pointer.to_owned(),
        depth: 0,
        violations: Vec::new(),
    };
    let object = reader.object(payload);
    if reader.violations.is_empty() {
        Ok(object)
    } else {
        Err(reader.violations)
    }
}

/// The Struct of a JSON object.
pub(super) fn from_json(object: Map<String, Value>) -> Struct {
    Struct {
        fields: object
            .into_iter()
            .map(|(name, value)| (name, proto_value(value)))
            .collect(),
    }
}

struct Reader {
    pointer: String,
    depth: usize,
    violations: Vec<Violation>,
}

impl Reader {
    fn object(&mut self, object: Struct) -> Map<String, Value> {
        object
            .fields
            .into_iter()
            .map(|(name, value)| (name.clone(), self.at(&escape(&name), value)))
            .collect()
    }

    fn array(&mut self, list: ListValue) -> Vec<Value> {
        list.values
            .into_iter()
            .enumerate()
            .map(|(index, value)| self.at(&index.to_string(), value))
            .collect()
    }

    fn at(&mut self, part: &str, value: ProtoValue) -> Value {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(part);
        let value = self.value(value);
        self.pointer.truncate(length);
        value
    }

    fn value(&mut self, value: ProtoValue) -> Value {
        match value.kind {
            None | Some(Kind::NullValue(_)) => Value::Null,
            Some(Kind::BoolValue(flag)) => Value::Bool(flag),
            Some(Kind::StringValue(text)) => Value::String(text),
            Some(Kind::NumberValue(double)) => {
                json::number(double).unwrap_or_else(|unfit| self.refuse(unfit))
            }
            Some(Kind::StructValue(object)) => self.deeper(|reader| Value::Object(reader.object(object))),
            Some(Kind::ListValue(list)) => self.deeper(|reader| Value::Array(reader.array(list))),
        }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Value) -> Value {
        // The payload itself is the first level.
        if self.depth + 1 >= json::DEPTH_MAX {
            return self.refuse(Unfit::TooDeep);
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn refuse(&mut self, unfit: Unfit) -> Value {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation::new(
                self.pointer.clone(),
                unfit.reason(),
                unfit.description(),
            ));
        }
        Value::Null
    }
}

fn proto_value(value: Value) -> ProtoValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(flag),
        Value::Number(number) => Kind::NumberValue(double(&number)),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(proto_value).collect(),
        }),
        Value::Object(object) => Kind::StructValue(from_json(object)),
    };
    ProtoValue { kind: Some(kind) }
}

fn double(number: &Number) -> f64 {
    number
        .as_f64()
        .expect("without arbitrary precision every JSON number is a double")
}

/// A name as a part of a JSON Pointer (RFC 6901).
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else {
            panic!("not an object")
        };
        object
    }

    #[test]
    fn json_survives_the_way_there_and_back_with_whole_numbers_whole() {
        let value = object(json!({"a": 1, "b": [null, true, "x", -0.5], "c": {"d": {}}}));
        assert_eq!(to_json(from_json(value.clone()), "/payload").unwrap(), value);
    }

    #[test]
    fn every_number_that_cannot_travel_is_named() {
        let number = |double| ProtoValue {
            kind: Some(Kind::NumberValue(double)),
        };
        let payload = Struct {
            fields: [
                ("a/b".to_owned(), number(9_007_199_254_740_992.0)),
                ("c".to_owned(), number(f64::NAN)),
            ]
            .into(),
        };
        let violations = to_json(payload, "/payload").unwrap_err();
        let found: Vec<_> = violations
            .iter()
            .map(|v| (v.field.as_str(), v.reason.as_str()))
            .collect();
        assert_eq!(
            found,
            [("/payload/a~1b", "UNSAFE_INTEGER"), ("/payload/c", "NOT_FINITE")]
        );
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |levels: usize| object((0..levels).fold(json!(1), |inner, _| json!({ "a": inner })));
        assert!(to_json(from_json(nested(json::DEPTH_MAX)), "").is_ok());
        assert_eq!(
            to_json(from_json(nested(json::DEPTH_MAX + 1)), "").unwrap_err()[0].reason,
            "TOO_DEEP"
        );
    }
}
