//! YAML as a tree in which every value knows its line, so that a fault found later can still say where.
//!
//! Knows nothing of job types.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{MergeKeyPolicy, NonFiniteFloatPolicy, Spanned};

use super::Fault;

/// A value and the line on which it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) value: Yaml,
}

/// What YAML can say that JSON can say, too.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Yaml {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file. A key that stands twice is refused while reading.
    Mapping(Vec<(Key, Node)>),
}

/// A key and its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) line: u64,
    pub(super) name: String,
}

/// Reads one document.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Node, Fault> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_slice_with_options(bytes, options).map_err(|error| Fault {
        file: file.to_owned(),
        line: error
            .location()
            .map(|location| location.line())
            .filter(|line| *line > 0),
        message: error.to_string(),
    })
}

impl Node {
    /// The same value without its lines.
    pub(super) fn into_json(self) -> Value {
        match self.value {
            Yaml::Null => Value::Null,
            Yaml::Flag(flag) => Value::Bool(flag),
            Yaml::Number(number) => Value::Number(number),
            Yaml::Text(text) => Value::String(text),
            Yaml::List(items) => items.into_iter().map(Self::into_json).collect(),
            Yaml::Mapping(members) => members
                .into_iter()
                .map(|(key, member)| (key.name, member.into_json()))
                .collect(),
        }
    }
}

impl Yaml {
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    pub(super) const fn as_flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self {
            Some(*flag)
        } else {
            None
        }
    }

    pub(super) fn as_whole_number(&self) -> Option<i64> {
        if let Self::Number(number) = self {
            number.as_i64()
        } else {
            None
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Yaml>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has, too")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Yaml, E> {
        Ok(Yaml::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Yaml, E> {
        Ok(Yaml::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Yaml, E> {
        Ok(Yaml::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Yaml, E> {
        Number::from_f64(number)
            .map(Yaml::Number)
            .ok_or_else(|| E::custom("must be a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Yaml, A::Error> {
        let mut members: Vec<(Key, Node)> = Vec::new();
        while let Some(key) = mapping.next_key::<Spanned<String>>()? {
            let key = Key {
                line: key.referenced.line(),
                name: key.value,
            };
            if members.iter().any(|(earlier, _)| earlier.name == key.name) {
                return Err(A::Error::custom(format_args!(
                    "the key {:?} stands twice",
                    key.name
                )));
            }
            members.push((key, mapping.next_value()?));
        }
        Ok(Yaml::Mapping(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(yaml: &str) -> String {
        parse("x.yaml", yaml.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn every_value_knows_its_line() {
        let node = parse("x.yaml", b"# first\na: 1\nb:\n  c:\n    - x\n    - {d: true}\n").unwrap();
        let Yaml::Mapping(members) = &node.value else {
            panic!("not a mapping")
        };
        assert_eq!(
            (members[0].0.line, members[0].1.line, members[1].0.line),
            (2, 2, 3)
        );
        let Yaml::Mapping(inner) = &members[1].1.value else {
            panic!("not a mapping")
        };
        let Yaml::List(items) = &inner[0].1.value else {
            panic!("not a list")
        };
        assert_eq!((inner[0].0.line, items[0].line, items[1].line), (4, 5, 6));
    }

    #[test]
    fn values_become_json() {
        let node = parse("x.yaml", b"a: [1, -2, 0.5, no, yes, true, ~, '1', App\\Message]").unwrap();
        assert_eq!(
            node.into_json(),
            json!({"a": [1, -2, 0.5, "no", "yes", true, null, "1", "App\\Message"]})
        );
    }

    #[test]
    fn what_is_no_yaml_or_says_a_thing_twice_is_refused_with_its_line() {
        assert!(
            fault("a: 1\nb: [1,\n").starts_with("x.yaml:"),
            "{}",
            fault("a: 1\nb: [1,\n")
        );
        assert!(
            fault("a: 1\nb: 2\na: 3\n").starts_with("x.yaml:3: "),
            "{}",
            fault("a: 1\nb: 2\na: 3\n")
        );
        assert!(
            fault("a: 1\n---\nb: 2\n").starts_with("x.yaml:"),
            "{}",
            fault("a: 1\n---\nb: 2\n")
        );
        assert!(
            fault("a: .nan\n").starts_with("x.yaml:1: "),
            "{}",
            fault("a: .nan\n")
        );
        assert!(
            fault("a: \u{1}\n").starts_with("x.yaml:"),
            "{}",
            fault("a: \u{1}\n")
        );
        assert!(parse("x.yaml", b"a: \xff\n").is_err());
    }
}
