//! The keys of one mapping: each is taken once, and what is left in the end is unknown.
//!
//! Knows what values look like, nothing of what they are for. Faults are collected, so that reading goes on after the first.

use std::time::Duration;

use super::yaml::{Key, Node, Yaml};
use super::{Fault, duration};

/// A value and the line it stands on; none where it is a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) line: Option<u64>,
    pub(super) value: T,
}

/// The keys of a mapping that were not taken yet.
pub(super) struct Fields<'a> {
    file: &'a str,
    /// Where the mapping itself is, for what is missing in it.
    line: u64,
    rest: Vec<(Key, Node)>,
    known: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// The keys of `node`, if it is a mapping.
    pub(super) fn open(file: &'a str, node: Node, what: &str, faults: &'a mut Vec<Fault>) -> Option<Self> {
        let line = node.line;
        if let Yaml::Mapping(rest) = node.value {
            return Some(Self {
                file,
                line,
                rest,
                known: Vec::new(),
                faults,
            });
        }
        faults.push(Fault {
            file: file.to_owned(),
            line: Some(line),
            message: format!("{what} must be a mapping"),
        });
        None
    }

    /// Where the mapping begins.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, line: Option<u64>, message: impl Into<String>) {
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line,
            message: message.into(),
        });
    }

    /// The value of a key, if it is there. A key without a value is as good as none.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let index = self.rest.iter().position(|(known, _)| known.name == key)?;
        Some(self.rest.remove(index).1).filter(|node| node.value != Yaml::Null)
    }

    /// The value of a key that must be there.
    pub(super) fn require(&mut self, key: &'static str) -> Option<Node> {
        let node = self.take(key);
        if node.is_none() {
            self.fault(Some(self.line), format!("{key} is missing"));
        }
        node
    }

    /// Text that must be there, and not be empty.
    pub(super) fn required_text(&mut self, key: &'static str) -> Option<At<String>> {
        let node = self.require(key)?;
        let text = self.as_text(key, node)?;
        if text.value.is_empty() {
            self.fault(text.line, format!("{key} must not be empty"));
            return None;
        }
        Some(text)
    }

    /// Text, or none.
    pub(super) fn text(&mut self, key: &'static str) -> String {
        self.take(key)
            .and_then(|node| self.as_text(key, node))
            .map(|text| text.value)
            .unwrap_or_default()
    }

    /// A duration, or its default.
    pub(super) fn duration(&mut self, key: &'static str, default: Duration) -> At<Duration> {
        self.parsed(
            key,
            default,
            "must be a duration such as 7d, 1h30m or 5s, ten years at most",
            |value| value.as_text().and_then(duration::parse),
        )
    }

    /// A flag, or its default.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> At<bool> {
        self.parsed(key, default, "must be true or false", Yaml::as_flag)
    }

    /// A whole number from 1 to 100, or its default.
    pub(super) fn count(&mut self, key: &'static str, default: i32) -> At<i32> {
        self.parsed(key, default, "must be a whole number from 1 to 100", |value| {
            value
                .as_whole_number()
                .and_then(|number| i32::try_from(number).ok())
                .filter(|number| (1..=100).contains(number))
        })
    }

    /// What `parse` makes of a value, or the default; a fault where it makes nothing of it.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        default: T,
        must: &str,
        parse: impl Fn(&Yaml) -> Option<T>,
    ) -> At<T> {
        let Some(node) = self.take(key) else {
            return At {
                line: None,
                value: default,
            };
        };
        let value = parse(&node.value).unwrap_or_else(|| {
            self.fault(Some(node.line), format!("{key} {must}"));
            default
        });
        At {
            line: Some(node.line),
            value,
        }
    }

    /// The items of a list; none where there is no such key.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<Node> {
        let Some(node) = self.take(key) else {
            return Vec::new();
        };
        if let Yaml::List(items) = node.value {
            return items;
        }
        self.fault(Some(node.line), format!("{key} must be a list"));
        Vec::new()
    }

    /// The texts of a list.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<At<String>> {
        let items = self.list(key);
        items
            .into_iter()
            .filter_map(|item| self.as_text(key, item))
            .collect()
    }

    /// The keys of the mapping below a key.
    pub(super) fn nested(&mut self, key: &'static str) -> Option<Fields<'_>> {
        let node = self.take(key)?;
        Fields::open(self.file, node, key, self.faults)
    }

    /// The keys of a mapping within a list.
    pub(super) fn item(&mut self, node: Node, what: &str) -> Option<Fields<'_>> {
        Fields::open(self.file, node, what, self.faults)
    }

    /// Refuses what was not taken.
    pub(super) fn close(mut self) {
        for (key, _) in std::mem::take(&mut self.rest) {
            let known = self.known.join(", ");
            self.fault(
                Some(key.line),
                format!("{}: unknown key; known are {known}", key.name),
            );
        }
    }

    fn as_text(&mut self, key: &str, node: Node) -> Option<At<String>> {
        if let Yaml::Text(text) = node.value {
            return Some(At {
                line: Some(node.line),
                value: text,
            });
        }
        // A number is not taken for its text: 1.10 would be the version 1.1.
        self.fault(
            Some(node.line),
            format!("{key} must be text (in quotes, if it looks like something else)"),
        );
        None
    }
}
