//! The well-known types whose JSON is not an object of their fields.

use super::fault::Fault;
use super::{Printed, Printer, Shape};
use crate::json::text;
use crate::plan::{FieldPlan, MessagePlan};
use crate::time::Time;
use crate::wire::{Cursor, Value};
use crate::{Reason, mask};

impl<'a> Printer<'a> {
    /// `Struct`, `ListValue` and the wrappers, as their only field.
    pub(super) fn only_field(&mut self, plan: &'a MessagePlan, wire: &[u8]) -> Printed {
        let field = &plan.fields[0];
        if !field.is_singular() {
            return self.repeated(field, wire, true).map(drop);
        }
        let mut value = Value::zero(field.kind.wire_type());
        let mut cursor = Cursor::new(wire);
        while let Some(record) = cursor.record()? {
            if plan.field_of(record).is_some() {
                value = record.value;
            }
        }
        self.single(field, value, true).map(drop)
    }

    /// `google.protobuf.Value`; one that holds nothing is null.
    pub(super) fn value(&mut self, plan: &'a MessagePlan, wire: &[u8]) -> Printed {
        let mut cursor = Cursor::new(wire);
        if let Some(record) = cursor.record()?
            && let (Some(field), true) = (plan.field_of(record), cursor.is_at_end())
        {
            return self.value_member(field, record.value);
        }
        let base = self.index(plan, wire)?;
        let set = plan.fields.iter().zip(&self.slots[base..]);
        let set = set
            .map(|(field, slot)| (field, *slot))
            .find(|(_, slot)| !slot.is_empty());
        self.slots.truncate(base);
        let Some((field, slot)) = set else {
            self.out.extend_from_slice(b"null");
            return Ok(());
        };
        match slot.value(wire)? {
            Some(value) if !slot.is_split() || field.kind.message().is_none() => {
                self.value_member(field, value)
            }
            _ => self.field(field, wire, slot, true).map(drop),
        }
    }

    fn value_member(&mut self, field: &'a FieldPlan, value: Value<'_>) -> Printed {
        if let Value::Fixed64(bits) = value
            && !f64::from_bits(bits).is_finite()
        {
            return Err(Fault::new(
                Reason::InvalidValue,
                "a number in a Value must be finite",
            ));
        }
        self.single(field, value, true).map(drop)
    }

    /// `google.protobuf.Any`: its message's members after `@type`, or its message as `value`.
    pub(super) fn any(&mut self, plan: &'a MessagePlan, wire: &[u8]) -> Printed {
        let base = self.index(plan, wire)?;
        let (url, content) = (self.slots[base].bytes(wire)?, self.slots[base + 1].bytes(wire)?);
        self.slots.truncate(base);
        if url.is_empty() && content.is_empty() {
            self.out.extend_from_slice(b"{}");
            return Ok(());
        }
        let url = std::str::from_utf8(url).unwrap_or_default();
        let Some(id) = url.rsplit_once('/').and_then(|(_, name)| self.plans.id(name)) else {
            let fault = Fault::new(
                Reason::UnknownMessageType,
                "an Any holds a message of an unknown type",
            );
            return Err(fault.within("@type"));
        };
        self.out.extend_from_slice(b"{\"@type\":");
        text::quote(url, self.out);
        self.enter_message()?;
        let plan = self.plans.message(id);
        if plan.shape == Shape::Fields {
            self.members(plan, content, false)?;
        } else {
            self.out.extend_from_slice(b",\"value\":");
            self.message(plan, content)
                .map_err(|fault| fault.within("value"))?;
        }
        self.depth -= 1;
        self.out.push(b'}');
        Ok(())
    }

    /// `Timestamp` and `Duration`.
    pub(super) fn time(&mut self, plan: &'a MessagePlan, wire: &[u8]) -> Printed {
        let mut time = Time { seconds: 0, nanos: 0 };
        let mut cursor = Cursor::new(wire);
        while let Some(record) = cursor.record()? {
            match (record.number, record.value) {
                (1, Value::Varint(value)) => time.seconds = value as i64,
                (2, Value::Varint(value)) => time.nanos = super::scalar::low(value) as i32,
                _ => {}
            }
        }
        self.out.push(b'"');
        let is_in_range = match plan.shape == Shape::Timestamp {
            true => time.put_timestamp(self.out),
            false => time.put_duration(self.out),
        };
        self.out.push(b'"');
        match is_in_range {
            true => Ok(()),
            false => Err(Fault::new(
                Reason::OutOfRange,
                format!("a {} out of range", plan.full_name),
            )),
        }
    }

    pub(super) fn mask(&mut self, plan: &'a MessagePlan, wire: &[u8]) -> Printed {
        let unprintable = || {
            Fault::new(
                Reason::InvalidValue,
                "a path of a FieldMask has no lowerCamelCase form",
            )
        };
        let mut paths = String::new();
        let mut cursor = Cursor::new(wire);
        while let Some(record) = cursor.record()? {
            if let (true, Value::Bytes(path)) = (record.number == plan.fields[0].number, record.value) {
                if !paths.is_empty() {
                    paths.push(',');
                }
                let path = std::str::from_utf8(path).ok().ok_or_else(unprintable)?;
                if !mask::put_camel_case(path, &mut paths) {
                    return Err(unprintable());
                }
            }
        }
        text::quote(&paths, self.out);
        Ok(())
    }
}
