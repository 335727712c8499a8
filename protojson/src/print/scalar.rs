//! Scalars and enum values as JSON. Pure but for the output.

use super::fault::Fault;
use super::{Printed, Printer};
use crate::json::text;
use crate::plan::{EnumPlan, Kind, Numeric};
use crate::wire::{Value, unzigzag};
use crate::{Reason, base64};

/// Below this magnitude all whole doubles are printed as integers; they have at most 16 digits.
const PLAIN_DOUBLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Printer<'_> {
    /// A value whose wire type is the kind's.
    #[inline]
    pub(super) fn scalar(&mut self, kind: Kind, value: Value<'_>) -> Printed {
        match (kind, value) {
            (Kind::String, Value::Bytes(bytes)) => self.string(bytes)?,
            (Kind::Bytes, Value::Bytes(bytes)) => {
                self.out.push(b'"');
                base64::encode(bytes, self.out);
                self.out.push(b'"');
            }
            (Kind::Bool, value) => {
                self.out
                    .extend_from_slice(if value.is_zero() { b"false" } else { b"true" })
            }
            (Kind::Enum(id), Value::Varint(value)) => {
                self.enum_value(self.plans.enumeration(id), low_signed(value))
            }
            (Kind::Number(numeric), Value::Varint(value)) => put_varint(numeric, value, self.out),
            (Kind::Number(numeric), Value::Fixed32(value)) => put_fixed32(numeric, value, self.out),
            (Kind::Number(numeric), Value::Fixed64(value)) => put_fixed64(numeric, value, self.out),
            _ => unreachable!("slots and lists take only values of the kind's wire type"),
        }
        self.check_size()
    }

    /// A map key: always in quotes.
    pub(super) fn key(&mut self, kind: Kind, value: Value<'_>) -> Printed {
        let start = self.out.len();
        self.scalar(kind, value)?;
        if self.out.get(start) != Some(&b'"') {
            self.out.insert(start, b'"');
            self.out.push(b'"');
        }
        Ok(())
    }

    #[inline]
    fn string(&mut self, bytes: &[u8]) -> Printed {
        if text::is_plain_ascii(bytes) {
            self.out.push(b'"');
            self.out.extend_from_slice(bytes);
            self.out.push(b'"');
            return Ok(());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => text::quote(text, self.out),
            Err(_) => return Err(Fault::new(Reason::MalformedWire, "the string is not UTF-8")),
        }
        Ok(())
    }

    fn enum_value(&mut self, plan: &EnumPlan, number: i32) {
        match plan.quoted_name(number) {
            _ if plan.is_null => self.out.extend_from_slice(b"null"),
            Some(name) if !self.plans.options.enums_as_numbers => self.out.extend_from_slice(name),
            _ => put_signed(i64::from(number), self.out),
        }
    }
}

fn put_varint(numeric: Numeric, value: u64, out: &mut Vec<u8>) {
    match numeric {
        Numeric::Int32 => put_signed(i64::from(low_signed(value)), out),
        Numeric::Uint32 => put_unsigned(u64::from(low(value)), out),
        Numeric::Sint32 => put_signed(unzigzag(u64::from(low(value))), out),
        Numeric::Int64 => quoted(out, |out| put_signed(value as i64, out)),
        Numeric::Sint64 => quoted(out, |out| put_signed(unzigzag(value), out)),
        Numeric::Uint64
        | Numeric::Fixed32
        | Numeric::Fixed64
        | Numeric::Sfixed32
        | Numeric::Sfixed64
        | Numeric::Float
        | Numeric::Double => quoted(out, |out| put_unsigned(value, out)),
    }
}

fn put_fixed32(numeric: Numeric, value: u32, out: &mut Vec<u8>) {
    match numeric == Numeric::Float {
        true => put_float(f32::from_bits(value), out),
        false if numeric == Numeric::Sfixed32 => put_signed(i64::from(value as i32), out),
        false => put_unsigned(u64::from(value), out),
    }
}

fn put_fixed64(numeric: Numeric, value: u64, out: &mut Vec<u8>) {
    match numeric == Numeric::Double {
        true => put_double(f64::from_bits(value), out),
        false if numeric == Numeric::Sfixed64 => quoted(out, |out| put_signed(value as i64, out)),
        false => quoted(out, |out| put_unsigned(value, out)),
    }
}

/// Parsers keep the low bits of a varint that is too large for its field.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
pub(super) fn low(value: u64) -> u32 {
    value as u32
}

fn low_signed(value: u64) -> i32 {
    low(value) as i32
}

fn quoted(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    put(out);
    out.push(b'"');
}

fn put_signed(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    put_unsigned(value.unsigned_abs(), out);
}

fn put_unsigned(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

/// `1`, `1.5`, `1e+300`: the shortest text that reads back as the same double.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the double was seen to be a whole number of 53 bits"
)]
fn put_double(value: f64, out: &mut Vec<u8>) {
    if value.abs() < PLAIN_DOUBLE_MAX && value.trunc() == value {
        match value.is_sign_negative() && value == 0.0 {
            true => out.extend_from_slice(b"-0"),
            false => put_signed(value as i64, out),
        }
    } else if value.is_finite() {
        serde_json::to_writer(out, &value).expect("a Vec takes all that is written");
    } else {
        out.extend_from_slice(special(value.is_nan(), value > 0.0));
    }
}

/// The same for a float, whose shortest text is shorter than that of the double it equals.
fn put_float(value: f32, out: &mut Vec<u8>) {
    let is_plain = f64::from(value.abs()) < PLAIN_DOUBLE_MAX && value.trunc() == value;
    match is_plain || !value.is_finite() {
        true => put_double(f64::from(value), out),
        false => serde_json::to_writer(out, &value).expect("a Vec takes all that is written"),
    }
}

fn special(is_nan: bool, is_positive: bool) -> &'static [u8] {
    match (is_nan, is_positive) {
        (true, _) => b"\"NaN\"",
        (false, true) => b"\"Infinity\"",
        (false, false) => b"\"-Infinity\"",
    }
}
