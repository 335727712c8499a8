//! Lists, packed or not, and maps.

use std::collections::HashMap;

use super::scalar::low;
use super::{Printed, Printer};
use crate::plan::{FieldPlan, Kind, MessagePlan, Numeric};
use crate::wire::{Cursor, Malformed, Value, WireType};

/// Up to this many entries are compared one by one.
const FEW_ENTRIES: usize = 16;

impl<'a> Printer<'a> {
    /// The list whose records lie in `span`. False when it is empty and that is not kept.
    pub(super) fn list(&mut self, field: &'a FieldPlan, span: &[u8], keep_empty: bool) -> Printed<bool> {
        self.out.push(b'[');
        let mut count = 0;
        let wire_type = field.kind.wire_type();
        let mut cursor = Cursor::new(span);
        while let Some(record) = cursor.record()? {
            if record.number != field.number {
                continue;
            }
            if record.value.wire_type() == wire_type {
                self.element(field, record.value, &mut count)?;
            } else if let (true, Value::Bytes(packed)) = (field.accepts(WireType::Bytes), record.value) {
                let mut values = Cursor::new(packed);
                while !values.is_at_end() {
                    let value = packed_value(&mut values, wire_type)?;
                    self.element(field, value, &mut count)?;
                }
            }
        }
        self.out.push(b']');
        Ok(keep_empty || count > 0)
    }

    fn element(&mut self, field: &'a FieldPlan, value: Value<'_>, count: &mut usize) -> Printed {
        if *count > 0 {
            self.out.push(b',');
        }
        let printed = match (field.kind, value) {
            (Kind::Message(id), Value::Bytes(bytes)) | (Kind::Group(id), Value::Group(bytes)) => {
                self.submessage(id, bytes)
            }
            (kind, value) => self.scalar(kind, value),
        };
        printed.map_err(|fault| fault.within(count.to_string()))?;
        *count += 1;
        Ok(())
    }

    /// The map whose entries lie in `span`; of entries with the same key the last. False when it is empty and that is
    /// not kept.
    pub(super) fn map(&mut self, field: &'a FieldPlan, span: &[u8], keep_empty: bool) -> Printed<bool> {
        let superseded = superseded(&self.plans.entry(field).fields[0], field, span)?;
        self.out.push(b'{');
        let mut is_first = true;
        let mut entries = Entries::new(field, span);
        while let Some((index, entry)) = entries.next()? {
            if superseded.binary_search(&index).is_ok() {
                continue;
            }
            if !is_first {
                self.out.push(b',');
            }
            is_first = false;
            self.entry(field, entry)?;
        }
        self.out.push(b'}');
        Ok(keep_empty || !is_first)
    }

    fn entry(&mut self, field: &'a FieldPlan, entry: &[u8]) -> Printed {
        let plan = self.plans.entry(field);
        if let Some((key, value)) = key_and_value(plan, entry)? {
            return self.key_and(plan, key, |printer, field| printer.single(field, value, true));
        }
        let base = self.index(plan, entry)?;
        let (key, value) = (self.slots[base], self.slots[base + 1]);
        self.slots.truncate(base);
        let key = key
            .value(entry)?
            .unwrap_or(Value::zero(plan.fields[0].kind.wire_type()));
        self.key_and(plan, key, |printer, field| {
            printer.field(field, entry, value, true)
        })
    }

    fn key_and(
        &mut self,
        entry: &'a MessagePlan,
        key: Value<'_>,
        value: impl FnOnce(&mut Self, &'a FieldPlan) -> Printed<bool>,
    ) -> Printed {
        let start = self.out.len();
        self.key(entry.fields[0].kind, key)?;
        let end = self.out.len();
        self.out.push(b':');
        self.enter_message()?;
        if let Err(fault) = value(self, &entry.fields[1]) {
            return Err(fault.within(String::from_utf8_lossy(&self.out[start + 1..end - 1])));
        }
        self.depth -= 1;
        Ok(())
    }
}

/// The two of an entry as serializers write it: the key, the value and nothing else.
fn key_and_value<'w>(
    entry: &MessagePlan,
    wire: &'w [u8],
) -> Result<Option<(Value<'w>, Value<'w>)>, Malformed> {
    let mut cursor = Cursor::new(wire);
    let (Some(key), Some(value), true) = (cursor.record()?, cursor.record()?, cursor.is_at_end()) else {
        return Ok(None);
    };
    let is_known = |record, number| entry.field_of(record).is_some_and(|field| field.number == number);
    Ok((is_known(key, 1) && is_known(value, 2)).then_some((key.value, value.value)))
}

fn packed_value<'w>(values: &mut Cursor<'w>, wire_type: WireType) -> Result<Value<'w>, Malformed> {
    match wire_type {
        WireType::Varint => values.varint().map(Value::Varint),
        WireType::Fixed32 => values.fixed32().map(Value::Fixed32),
        WireType::Fixed64 => values.fixed64().map(Value::Fixed64),
        WireType::Bytes | WireType::Group => Err(Malformed::PackedBytes),
    }
}

/// The entries of a map, numbered.
struct Entries<'w> {
    number: u32,
    cursor: Cursor<'w>,
    count: usize,
}

impl<'w> Entries<'w> {
    fn new(field: &FieldPlan, span: &'w [u8]) -> Self {
        Self {
            number: field.number,
            cursor: Cursor::new(span),
            count: 0,
        }
    }

    fn next(&mut self) -> Result<Option<(usize, &'w [u8])>, Malformed> {
        while let Some(record) = self.cursor.record()? {
            if let (true, Value::Bytes(entry)) = (record.number == self.number, record.value) {
                self.count += 1;
                return Ok(Some((self.count - 1, entry)));
            }
        }
        Ok(None)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'w> {
    Text(&'w [u8]),
    Number(u64),
}

/// The entries, in ascending order, that a later one with the same key takes the place of.
fn superseded(key_field: &FieldPlan, map: &FieldPlan, span: &[u8]) -> Result<Vec<usize>, Malformed> {
    let mut superseded = Vec::new();
    let mut few = [Key::Number(0); FEW_ENTRIES];
    let mut many = HashMap::new();
    let mut entries = Entries::new(map, span);
    while let Some((index, entry)) = entries.next()? {
        let key = key(key_field, entry)?;
        if index < FEW_ENTRIES {
            superseded.extend(few[..index].iter().rposition(|earlier| *earlier == key));
            few[index] = key;
            continue;
        }
        if index == FEW_ENTRIES {
            many.extend(few.iter().enumerate().map(|(index, key)| (*key, index)));
        }
        superseded.extend(many.insert(key, index));
    }
    superseded.sort_unstable();
    Ok(superseded)
}

/// The key as a value, whatever its layout.
fn key<'w>(field: &FieldPlan, entry: &'w [u8]) -> Result<Key<'w>, Malformed> {
    let mut key = Value::zero(field.kind.wire_type());
    let mut cursor = Cursor::new(entry);
    while let Some(record) = cursor.record()? {
        if record.number == field.number && record.value.wire_type() == field.kind.wire_type() {
            key = record.value;
        }
    }
    Ok(match (key, field.kind) {
        (Value::Bytes(text) | Value::Group(text), _) => Key::Text(text),
        (Value::Varint(value), Kind::Bool) => Key::Number(u64::from(value != 0)),
        (Value::Varint(value), Kind::Number(Numeric::Int32 | Numeric::Uint32 | Numeric::Sint32)) => {
            Key::Number(u64::from(low(value)))
        }
        (Value::Varint(value) | Value::Fixed64(value), _) => Key::Number(value),
        (Value::Fixed32(value), _) => Key::Number(u64::from(value)),
    })
}
