//! One field picked out of the wire bytes of a message around it.

use std::borrow::Cow;

use super::fault::Fault;
use super::slots::Slot;
use super::{Printed, Printer, payload, run};
use crate::json::Reader;
use crate::plan::{Cardinality, FieldPlan, MessageId, Plans, Shape};
use crate::{Error, Reason};

/// A message and the index of the field that leads on.
pub(crate) type Step = (MessageId, usize);

/// Appends the field's JSON; one that is absent prints as what it is by default.
pub(crate) fn field(plans: &Plans, path: &[Step], wire: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    run(plans, out, |printer| {
        let Some(plan) = last(plans, path) else {
            return Ok(());
        };
        let printed = match printer.find(path, wire)? {
            Some((wire, slot)) if !slot.is_empty() => printer.field(plan, &wire, slot, true),
            _ => printer.absent(plan),
        };
        printed.map(drop).map_err(|fault| located(plans, path, fault))
    })
}

/// The field as plain text, None when it is unset.
pub(crate) fn text(plans: &Plans, path: &[Step], wire: &[u8]) -> Result<Option<String>, Error> {
    let mut json = Vec::new();
    let mut is_set = false;
    run(plans, &mut json, |printer| {
        let Some(plan) = last(plans, path) else {
            return Ok(());
        };
        if !plan.is_singular() || !has_text(plans, plan) {
            let fault = Fault::new(Reason::InvalidValue, "this field has no text form");
            return Err(located(plans, path, fault));
        }
        let Some((wire, slot)) = printer.find(path, wire)? else {
            return Ok(());
        };
        is_set = !slot.is_empty() || plan.cardinality == Cardinality::Implicit;
        if !is_set {
            return Ok(());
        }
        printer
            .field(plan, &wire, slot, true)
            .map(drop)
            .map_err(|fault| located(plans, path, fault))
    })?;
    Ok(is_set.then(|| unquoted(json)))
}

/// Whether the field is on the wire.
pub(crate) fn is_set(plans: &Plans, path: &[Step], wire: &[u8]) -> Result<bool, Error> {
    let mut is_set = false;
    run(plans, &mut Vec::new(), |printer| {
        is_set = printer
            .find(path, wire)?
            .is_some_and(|(_, slot)| !slot.is_empty());
        Ok(())
    })?;
    Ok(is_set)
}

impl<'a> Printer<'a> {
    /// The innermost message of the path and where its field lies there; None when a message on the way is unset.
    fn find<'w>(&mut self, path: &[Step], wire: &'w [u8]) -> Printed<Option<(Cow<'w, [u8]>, Slot)>> {
        let mut wire = Cow::Borrowed(wire);
        for (depth, &(id, index)) in path.iter().enumerate() {
            let plan = self.plans.message(id);
            let base = self.index(plan, &wire)?;
            let slot = self.slots[base + index];
            self.slots.truncate(base);
            if depth + 1 == path.len() {
                return Ok(Some((wire, slot)));
            }
            if slot.is_empty() {
                return Ok(None);
            }
            wire = match wire {
                Cow::Borrowed(wire) => payload(&plan.fields[index], wire, slot)?,
                Cow::Owned(wire) => Cow::Owned(payload(&plan.fields[index], &wire, slot)?.into_owned()),
            };
        }
        Ok(None)
    }

    fn absent(&mut self, field: &'a FieldPlan) -> Printed<bool> {
        let has_no_default = field.is_singular()
            && field
                .kind
                .message()
                .is_some_and(|id| match self.plans.message(id).shape {
                    Shape::Fields | Shape::Empty | Shape::Any => false,
                    Shape::OnlyField => self.plans.message(id).fields[0].is_singular(),
                    Shape::Timestamp | Shape::Duration | Shape::FieldMask | Shape::Value => true,
                });
        match has_no_default {
            true => self.out.extend_from_slice(b"null"),
            false => drop(self.field(field, &[], Slot::EMPTY, true)?),
        }
        Ok(true)
    }
}

fn last<'a>(plans: &'a Plans, path: &[Step]) -> Option<&'a FieldPlan> {
    path.last().map(|&(id, index)| &plans.message(id).fields[index])
}

fn located(plans: &Plans, path: &[Step], fault: Box<Fault>) -> Box<Fault> {
    path.iter().rev().fold(fault, |fault, &(id, index)| {
        fault.within(&*plans.message(id).fields[index].json_name)
    })
}

fn has_text(plans: &Plans, plan: &FieldPlan) -> bool {
    let Some(id) = plan.kind.message() else {
        return true;
    };
    let message = plans.message(id);
    match message.shape {
        Shape::Timestamp | Shape::Duration | Shape::FieldMask => true,
        Shape::OnlyField => message.fields[0].is_singular(),
        Shape::Fields | Shape::Any | Shape::Value | Shape::Empty => false,
    }
}

/// A JSON string's text, any other token as it is.
fn unquoted(json: Vec<u8>) -> String {
    if json.first() == Some(&b'"') {
        let text = Reader::new(&json).and_then(|mut reader| reader.string());
        return text.expect("what was printed is JSON").into_owned();
    }
    String::from_utf8(json).expect("JSON is UTF-8")
}
