//! Where the fields of a message lie in its wire bytes, by the rules of parsers: the last record of a singular field
//! wins, the last member of a oneof clears the others, fields of another wire type are unknown.

use super::{Printed, Printer};
use crate::plan::MessagePlan;
use crate::wire::{Cursor, Malformed, Value};

/// Where one field lies; for a oneof, which member is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Where the first record begins.
    first: usize,
    /// Where the last record begins.
    last: usize,
    /// Where the last record ends; zero when there is none. For a oneof, the index of the member plus one.
    end: usize,
}

impl Slot {
    pub(super) const EMPTY: Self = Self {
        first: 0,
        last: 0,
        end: 0,
    };

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.end == 0
    }

    /// Whether there is more than one record.
    pub(super) fn is_split(self) -> bool {
        self.first != self.last
    }

    /// From the first to the last record, whatever lies between.
    #[inline]
    pub(super) fn span(self, wire: &[u8]) -> &[u8] {
        &wire[self.first..self.end]
    }

    /// The last value.
    #[inline]
    pub(super) fn value(self, wire: &[u8]) -> Result<Option<Value<'_>>, Malformed> {
        let record = Cursor::new(&wire[self.last..self.end]).record()?;
        Ok(record.map(|record| record.value))
    }

    /// The bytes of the last value, none if it is a number.
    #[inline]
    pub(super) fn bytes(self, wire: &[u8]) -> Result<&[u8], Malformed> {
        match self.value(wire)? {
            Some(Value::Bytes(bytes) | Value::Group(bytes)) => Ok(bytes),
            _ => Ok(&[]),
        }
    }
}

impl Printer<'_> {
    /// Appends a slot a field and returns where they begin. Whoever asks truncates `slots` again.
    pub(super) fn index(&mut self, plan: &MessagePlan, wire: &[u8]) -> Printed<usize> {
        let base = self.slots.len();
        self.slots
            .resize(base + plan.fields.len() + plan.oneofs, Slot::EMPTY);
        let slots = &mut self.slots[base..];
        let mut cursor = Cursor::new(wire);
        loop {
            let start = cursor.pos();
            let Some(record) = cursor.record()? else {
                return Ok(base);
            };
            let Some(index) = plan.index_by_number(record.number) else {
                continue;
            };
            let field = &plan.fields[index];
            if !field.accepts(record.value.wire_type()) {
                continue;
            }
            if let Some(oneof) = field.oneof {
                let member = std::mem::replace(&mut slots[plan.fields.len() + oneof].end, index + 1);
                if member != 0 && member != index + 1 {
                    slots[member - 1] = Slot::EMPTY;
                }
            }
            let slot = &mut slots[index];
            if slot.is_empty() {
                slot.first = start;
            }
            slot.last = start;
            slot.end = cursor.pos();
        }
    }
}
