//! What an object has named already.

use std::borrow::Cow;
use std::collections::HashSet;

use super::scalar::Scalar;
use crate::plan::{FieldPlan, MessagePlan};
use crate::wire;

/// Up to this many keys are compared one by one.
const FEW_KEYS: usize = 16;

/// Fields and oneofs that one message object has set.
#[derive(Debug)]
pub(super) struct Seen {
    fields: usize,
    few: u128,
    many: Vec<u128>,
}

impl Seen {
    pub(super) fn new(plan: &MessagePlan) -> Self {
        let fields = plan.fields.len();
        let blocks = (fields + plan.oneofs) / 128;
        Self {
            fields,
            few: 0,
            many: if blocks == 0 { Vec::new() } else { vec![0; blocks] },
        }
    }

    /// False when the field was set before.
    #[inline]
    pub(super) fn insert_field(&mut self, index: usize) -> bool {
        self.insert(index)
    }

    /// False when a member of the oneof was set before.
    #[inline]
    pub(super) fn insert_oneof(&mut self, index: usize) -> bool {
        self.insert(self.fields + index)
    }

    fn insert(&mut self, bit: usize) -> bool {
        let block = match bit / 128 {
            0 => &mut self.few,
            block => &mut self.many[block - 1],
        };
        let mask = 1 << (bit % 128);
        let is_new = *block & mask == 0;
        *block |= mask;
        is_new
    }
}

/// The key of a map entry as a value: `1` and `1e0` are one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Text(Cow<'a, str>),
    Scalar(Scalar),
}

impl Key<'_> {
    pub(super) fn put(&self, field: &FieldPlan, out: &mut Vec<u8>) {
        wire::put_tag(out, field.tag);
        match self {
            Self::Text(text) => wire::put_bytes(out, text.as_bytes()),
            Self::Scalar(scalar) => scalar.put(out),
        }
    }
}

/// The keys of the maps being read, the innermost map's last.
#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    stack: Vec<Key<'a>>,
}

/// The keys of one map.
#[derive(Debug)]
pub(super) struct KeySet<'a> {
    start: usize,
    /// Once there are more than a few.
    many: Option<HashSet<Key<'a>>>,
}

impl<'a> Keys<'a> {
    pub(super) fn begin(&self) -> KeySet<'a> {
        KeySet {
            start: self.stack.len(),
            many: None,
        }
    }

    /// False when the map has the key already.
    pub(super) fn insert(&mut self, set: &mut KeySet<'a>, key: Key<'a>) -> bool {
        if let Some(many) = &mut set.many {
            return many.insert(key);
        }
        let few = &self.stack[set.start..];
        if few.contains(&key) {
            return false;
        }
        if few.len() >= FEW_KEYS {
            let mut many: HashSet<_> = self.stack.drain(set.start..).collect();
            many.insert(key);
            set.many = Some(many);
        } else {
            self.stack.push(key);
        }
        true
    }

    pub(super) fn end(&mut self, set: &KeySet<'a>) {
        self.stack.truncate(set.start);
    }
}
