//! Messages that are a string in JSON (`Timestamp`, `Duration`, `FieldMask`), and values as URLs carry them. Pure: one
//! text in, bytes out.

use super::scalar::{self, Problem, Scalar};
use super::{close, open};
use crate::json::number::Number;
use crate::plan::{Cardinality, EnumPlan, FieldPlan, Kind, Plans, Shape};
use crate::time::{NotTime, Time};
use crate::wire::{self, WireType};
use crate::{Reason, base64, mask};

pub(super) fn expected(shape: Shape) -> &'static str {
    match shape {
        Shape::Timestamp => {
            "expected an RFC 3339 timestamp of the years 1 to 9999, like 2026-11-23T10:00:00.123Z"
        }
        Shape::Duration => "expected seconds within ±10,000 years, like 1.5s",
        Shape::FieldMask => "expected lowerCamelCase field paths, separated by commas",
        Shape::Fields | Shape::Any | Shape::OnlyField | Shape::Value | Shape::Empty => "expected an object",
    }
}

/// Appends the content of such a message.
pub(super) fn put(shape: Shape, text: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    match shape {
        Shape::Timestamp => put_time(shape, Time::from_timestamp(text), out),
        Shape::Duration => put_time(shape, Time::from_duration(text), out),
        Shape::FieldMask => put_mask(text, out),
        Shape::Fields | Shape::Any | Shape::OnlyField | Shape::Value | Shape::Empty => Err(no_text()),
    }
}

/// Appends a field with its tag; a default as well.
pub(super) fn put_url_value(
    plans: &Plans,
    field: &FieldPlan,
    text: &str,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    if field.cardinality == Cardinality::Map {
        return Err(no_text());
    }
    let scalar = match field.kind {
        Kind::String => {
            wire::put_tag(out, field.tag);
            wire::put_bytes(out, text.as_bytes());
            return Ok(());
        }
        Kind::Bytes => return put_bytes(field, text, out),
        Kind::Message(id) | Kind::Group(id) => {
            let plan = plans.message(id);
            let start = open(field, out);
            match plan
                .fields
                .first()
                .filter(|field| plan.shape == Shape::OnlyField && field.is_singular())
            {
                Some(wrapped) => put_url_value(plans, wrapped, text, out)?,
                None => put(plan.shape, text, out)?,
            }
            close(field, out, start);
            return Ok(());
        }
        Kind::Bool => scalar::from_bool_text(text)?,
        Kind::Enum(id) => enum_value(plans.enumeration(id), text)?,
        Kind::Number(numeric) => scalar::from_number_text(numeric, text)?,
    };
    wire::put_tag(out, field.tag);
    scalar.put(out);
    Ok(())
}

fn put_bytes(field: &FieldPlan, text: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    let start = open(field, out);
    if !base64::decode(text, out) {
        return Err(Problem::new(Reason::InvalidValue, field.kind.expected()));
    }
    wire::close(out, start);
    Ok(())
}

fn enum_value(plan: &EnumPlan, text: &str) -> Result<Scalar, Problem> {
    match Number::whole_text(text) {
        Some(number) => scalar::from_enum_number(number),
        None if plan.is_null && text == "null" => Ok(Scalar::Varint(0)),
        None => scalar::from_enum_name(plan, text),
    }
}

/// `seconds` and `nanos` have the same numbers in both messages.
fn put_time(shape: Shape, time: Result<Time, NotTime>, out: &mut Vec<u8>) -> Result<(), Problem> {
    let Time { seconds, nanos } = time.map_err(|problem| match problem {
        NotTime::Syntax => Problem::new(Reason::InvalidValue, expected(shape)),
        NotTime::OutOfRange => Problem::new(Reason::OutOfRange, expected(shape)),
    })?;
    for (number, value) in [(1, seconds), (2, i64::from(nanos))] {
        if value != 0 {
            wire::put_tag(out, wire::tag(number, WireType::Varint));
            wire::put_varint(out, value as u64);
        }
    }
    Ok(())
}

fn put_mask(text: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    for path in mask::paths(text) {
        let path = path.ok_or_else(|| Problem::new(Reason::InvalidValue, expected(Shape::FieldMask)))?;
        wire::put_tag(out, wire::tag(1, WireType::Bytes));
        wire::put_bytes(out, path.as_bytes());
    }
    Ok(())
}

fn no_text() -> Problem {
    Problem::new(Reason::InvalidValue, "this field has no text form")
}
