//! Wire bytes to JSON text. Each message is walked over twice, without a message in between: once to see where its
//! fields lie, so that whatever order, repetition or splitting the wire has gives the same text, once to print them in
//! the order of their numbers.

mod collection;
mod fault;
mod pick;
mod scalar;
mod slots;
mod special;

use std::borrow::Cow;

use crate::plan::{Cardinality, FieldPlan, Kind, MessageId, MessagePlan, Plans, Shape};
use crate::wire::{Cursor, Value};
use crate::{Error, Reason};
use fault::Fault;
use slots::Slot;

pub(crate) use pick::{Step, field, is_set, text};

/// The outcome of a step; the first fault ends the printing.
type Printed<T = ()> = Result<T, Box<Fault>>;

/// One message on its way to text.
struct Printer<'a> {
    plans: &'a Plans,
    out: &'a mut Vec<u8>,
    /// `out` may grow to this.
    out_bytes_max: usize,
    /// Messages around the one being printed, the root not counted.
    depth: usize,
    /// Where the fields of the messages being printed lie, the innermost message's last.
    slots: Vec<Slot>,
}

/// Appends the JSON text of a whole message.
pub(crate) fn message(plans: &Plans, id: MessageId, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    run(plans, out, |printer| printer.message(plans.message(id), wire))
}

/// Leaves `out` as it was when printing fails.
fn run<'a>(
    plans: &'a Plans,
    out: &'a mut Vec<u8>,
    print: impl FnOnce(&mut Printer<'a>) -> Printed,
) -> Result<(), Error> {
    let start = out.len();
    let out_bytes_max = start.saturating_add(plans.options.text_bytes_max);
    let mut printer = Printer {
        plans,
        out,
        out_bytes_max,
        depth: 0,
        slots: Vec::new(),
    };
    let printed = print(&mut printer);
    printed.map_err(|fault| {
        printer.out.truncate(start);
        Error::from(*fault)
    })
}

impl<'a> Printer<'a> {
    fn message(&mut self, plan: &'a MessagePlan, wire: &[u8]) -> Printed {
        match plan.shape {
            Shape::Fields | Shape::Empty => {
                self.out.push(b'{');
                self.members(plan, wire, true)?;
                self.out.push(b'}');
                Ok(())
            }
            Shape::OnlyField => {
                let base = self.index(plan, wire)?;
                let slot = self.slots[base];
                self.slots.truncate(base);
                self.field(&plan.fields[0], wire, slot, true).map(drop)
            }
            Shape::Value => self.value(plan, wire),
            Shape::Any => self.any(plan, wire),
            Shape::Timestamp | Shape::Duration => self.time(plan, wire),
            Shape::FieldMask => self.mask(plan, wire),
        }
    }

    /// All members of a message's object, without its braces.
    fn members(&mut self, plan: &'a MessagePlan, wire: &[u8], mut is_first: bool) -> Printed {
        let keep_default = self.plans.options.always_print_fields_without_presence;
        let base = self.index(plan, wire)?;
        for (index, field) in plan.fields.iter().enumerate() {
            let slot = self.slots[base + index];
            if slot.is_empty() && (!keep_default || field.cardinality == Cardinality::Explicit) {
                continue;
            }
            let mark = self.out.len();
            if !is_first {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&field.label);
            let printed = self.field(field, wire, slot, keep_default);
            match printed.map_err(|fault| fault.within(&*field.json_name))? {
                true => is_first = false,
                false => self.out.truncate(mark),
            }
        }
        self.slots.truncate(base);
        Ok(())
    }

    /// A field of the message in `wire`. False, and nothing of use printed, for a default that is not kept.
    fn field(&mut self, field: &'a FieldPlan, wire: &[u8], slot: Slot, keep_default: bool) -> Printed<bool> {
        match (field.cardinality, field.kind) {
            (Cardinality::List { .. }, _) => self.list(field, slot.span(wire), keep_default),
            (Cardinality::Map, _) => self.map(field, slot.span(wire), keep_default),
            (Cardinality::Implicit | Cardinality::Explicit, Kind::Message(id)) => {
                self.submessage(id, &payload(field, wire, slot)?).map(|()| true)
            }
            (cardinality, kind) => {
                let value = slot.value(wire)?.unwrap_or(Value::zero(kind.wire_type()));
                if !keep_default && cardinality == Cardinality::Implicit && value.is_zero() {
                    return Ok(false);
                }
                self.scalar(kind, value).map(|()| true)
            }
        }
    }

    fn submessage(&mut self, id: MessageId, wire: &[u8]) -> Printed {
        self.enter_message()?;
        self.message(self.plans.message(id), wire)?;
        self.depth -= 1;
        self.check_size()
    }

    #[inline]
    fn check_size(&self) -> Printed {
        match self.out.len() > self.out_bytes_max {
            true => Err(Fault::new(Reason::TooLarge, "the JSON text is too large")),
            false => Ok(()),
        }
    }

    #[inline]
    fn enter_message(&mut self) -> Printed {
        self.depth += 1;
        match self.depth > self.plans.options.depth_max {
            true => Err(Fault::new(Reason::TooDeep, "nested too deeply")),
            false => Ok(()),
        }
    }
}

/// The bytes of a singular message field: what parsers merge from several records is what they read from all of them
/// put together.
fn payload<'w>(field: &FieldPlan, wire: &'w [u8], slot: Slot) -> Printed<Cow<'w, [u8]>> {
    if !slot.is_split() {
        return Ok(Cow::Borrowed(slot.bytes(wire)?));
    }
    let mut whole = Vec::new();
    let mut cursor = Cursor::new(slot.span(wire));
    while let Some(record) = cursor.record()? {
        if let (true, Value::Bytes(part)) = (record.number == field.number, record.value) {
            whole.extend_from_slice(part);
        }
    }
    Ok(Cow::Owned(whole))
}
