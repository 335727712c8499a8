//! Wire bytes to JSON text, without a message in between. A message whose fields lie in the order of their numbers, as
//! serializers write them, is printed from left to right. Any other is walked over first to see where its fields lie,
//! so that whatever order, repetition or splitting the wire has gives the same text.

mod collection;
mod fault;
mod order;
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
            Shape::OnlyField => self.only_field(plan, wire),
            Shape::Value => self.value(plan, wire),
            Shape::Any => self.any(plan, wire),
            Shape::Timestamp | Shape::Duration => self.time(plan, wire),
            Shape::FieldMask => self.mask(plan, wire),
        }
    }

    /// All members of a message's object, without its braces.
    fn members(&mut self, plan: &'a MessagePlan, wire: &[u8], is_first: bool) -> Printed {
        match order::is_in_order(plan, wire)? {
            true => self.members_in_order(plan, wire, is_first),
            false => self.members_in_disorder(plan, wire, is_first),
        }
    }

    fn members_in_order(&mut self, plan: &'a MessagePlan, wire: &[u8], mut is_first: bool) -> Printed {
        let mut fields = plan.fields.iter();
        let mut cursor = Cursor::new(wire);
        loop {
            let start = cursor.pos();
            let Some(record) = cursor.record()? else {
                break;
            };
            let Some(field) = plan.field_of(record) else {
                continue;
            };
            for absent in fields.by_ref().take_while(|other| other.number != field.number) {
                self.absent_member(absent, &mut is_first)?;
            }
            self.member(field, &mut is_first, |printer, keep_default| {
                if field.is_singular() {
                    return printer.single(field, record.value, keep_default);
                }
                cursor.skip_all_of(field.number)?;
                printer.repeated(field, &wire[start..cursor.pos()], keep_default)
            })?;
        }
        fields.try_for_each(|absent| self.absent_member(absent, &mut is_first))
    }

    fn members_in_disorder(&mut self, plan: &'a MessagePlan, wire: &[u8], mut is_first: bool) -> Printed {
        let base = self.index(plan, wire)?;
        for (index, field) in plan.fields.iter().enumerate() {
            let slot = self.slots[base + index];
            match slot.is_empty() {
                true => self.absent_member(field, &mut is_first)?,
                false => self.member(field, &mut is_first, |printer, keep_default| {
                    printer.field(field, wire, slot, keep_default)
                })?,
            }
        }
        self.slots.truncate(base);
        Ok(())
    }

    /// A member by its name, and nothing at all for a default that is not kept.
    #[inline]
    fn member(
        &mut self,
        field: &'a FieldPlan,
        is_first: &mut bool,
        print: impl FnOnce(&mut Self, bool) -> Printed<bool>,
    ) -> Printed {
        let keep_default = self.plans.options.always_print_fields_without_presence;
        let mark = self.out.len();
        self.out.extend_from_slice(&field.label[usize::from(*is_first)..]);
        match print(self, keep_default).map_err(|fault| fault.within(&*field.json_name))? {
            true => *is_first = false,
            false => self.out.truncate(mark),
        }
        Ok(())
    }

    #[inline]
    fn absent_member(&mut self, field: &'a FieldPlan, is_first: &mut bool) -> Printed {
        let keep_default = self.plans.options.always_print_fields_without_presence;
        if !keep_default || field.cardinality == Cardinality::Explicit {
            return Ok(());
        }
        self.member(field, is_first, |printer, keep_default| {
            printer.field(field, &[], Slot::EMPTY, keep_default)
        })
    }

    /// A field of the message in `wire`. False, and nothing of use printed, for a default that is not kept.
    fn field(&mut self, field: &'a FieldPlan, wire: &[u8], slot: Slot, keep_default: bool) -> Printed<bool> {
        if !field.is_singular() {
            return self.repeated(field, slot.span(wire), keep_default);
        }
        if let (true, Some(id)) = (slot.is_split(), field.kind.message()) {
            let whole = payload(field, wire, slot)?;
            return self.submessage(id, &whole).map(|()| true);
        }
        let value = slot.value(wire)?.unwrap_or(Value::zero(field.kind.wire_type()));
        self.single(field, value, keep_default)
    }

    /// The same for a singular field's only value.
    #[inline]
    fn single(&mut self, field: &'a FieldPlan, value: Value<'_>, keep_default: bool) -> Printed<bool> {
        if let (Kind::Message(id), Value::Bytes(bytes)) | (Kind::Group(id), Value::Group(bytes)) =
            (field.kind, value)
        {
            return self.submessage(id, bytes).map(|()| true);
        }
        // A NullValue is null whatever its number, and null reads as the default.
        let is_default = field.cardinality == Cardinality::Implicit && (value.is_zero() || field.takes_null);
        if is_default && !keep_default {
            return Ok(false);
        }
        self.scalar(field.kind, value).map(|()| true)
    }

    /// The same for a list or map whose records lie in `span`.
    fn repeated(&mut self, field: &'a FieldPlan, span: &[u8], keep_default: bool) -> Printed<bool> {
        match field.cardinality {
            Cardinality::Map => self.map(field, span, keep_default),
            Cardinality::List { .. } | Cardinality::Implicit | Cardinality::Explicit => {
                self.list(field, span, keep_default)
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
        if let (true, Value::Bytes(part) | Value::Group(part)) = (record.number == field.number, record.value)
        {
            whole.extend_from_slice(part);
        }
    }
    Ok(Cow::Owned(whole))
}
