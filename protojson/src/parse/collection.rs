//! Lists, maps, and the values of `google.protobuf.Value`.

use std::borrow::Cow;

use super::keys::Key;
use super::report::Part;
use super::scalar::{self, Problem};
use super::{Parser, Step, open};
use crate::Reason;
use crate::json::number::Number;
use crate::plan::{FieldPlan, Kind, MessagePlan, Numeric};
use crate::wire::{self, WireType};

/// The fields of `google.protobuf.Value`, as struct.proto numbers them.
mod value_tag {
    pub(super) const NULL: u32 = 1 << 3;
    pub(super) const NUMBER: u32 = 2 << 3 | 1;
    pub(super) const STRING: u32 = 3 << 3 | 2;
    pub(super) const BOOL: u32 = 4 << 3;
}
/// Where `struct_value` and `list_value` stand among its fields.
const STRUCT_INDEX: usize = 4;
const LIST_INDEX: usize = 5;

/// From here on doubles do not tell a whole number from its neighbours.
const UNSAFE_INTEGER: f64 = 9_007_199_254_740_992.0;
const UNSAFE_INTEGER_HINT: &str = "a whole number of 2^53 or more would be rounded here: send it as a string";

impl<'a> Parser<'a> {
    pub(super) fn list(&mut self, field: &'a FieldPlan, is_packed: bool) -> Step<bool> {
        if !self.opens(b'[', "expected an array")? {
            return Ok(false);
        }
        if is_packed {
            return self.packed(field);
        }
        let mut index = 0;
        while self.reader.element(index == 0)? {
            self.report.enter(Part::Index(index));
            if self.is_null_element(field) {
                self.refuse(Reason::WrongType, field.kind.expected())?;
            } else {
                self.singular(field, true)?;
            }
            self.report.leave();
            index += 1;
        }
        Ok(true)
    }

    /// Numbers, booleans and enum values in one record.
    fn packed(&mut self, field: &'a FieldPlan) -> Step<bool> {
        let mark = self.out.len();
        wire::put_tag(self.out, wire::tag(field.number, WireType::Bytes));
        let start = wire::open(self.out);
        let mut index = 0;
        while self.reader.element(index == 0)? {
            self.report.enter(Part::Index(index));
            if let Some(scalar) = self.scalar(field.kind)? {
                scalar.put(self.out);
                self.check_size()?;
            }
            self.report.leave();
            index += 1;
        }
        match self.out.len() == start {
            true => self.out.truncate(mark),
            false => wire::close(self.out, start),
        }
        Ok(true)
    }

    pub(super) fn map(&mut self, field: &'a FieldPlan) -> Step<bool> {
        if !self.opens(b'{', "expected an object")? {
            return Ok(false);
        }
        let plan = self.plans.entry(field);
        let (key_field, value_field) = (&plan.fields[0], &plan.fields[1]);
        let mut keys = self.keys.begin();
        let mut is_first = true;
        while let Some(text) = self.reader.member(is_first)? {
            is_first = false;
            self.report.enter(Part::Key(text.clone()));
            match key(key_field.kind, text) {
                Err(problem) => self.refuse(problem.reason, problem.description)?,
                Ok(key) => {
                    let mark = self.out.len();
                    let start = open(field, self.out);
                    key.put(key_field, self.out);
                    match self.keys.insert(&mut keys, key) {
                        true if self.entry_value(value_field)? => wire::close(self.out, start),
                        true => self.out.truncate(mark),
                        false => self.refuse(Reason::DuplicateField, "the key is given twice")?,
                    }
                }
            }
            self.report.leave();
        }
        self.keys.end(&keys);
        Ok(true)
    }

    fn entry_value(&mut self, field: &'a FieldPlan) -> Step<bool> {
        if self.is_null_element(field) {
            return self
                .refuse(Reason::WrongType, field.kind.expected())
                .map(|()| false);
        }
        self.enter_message()?;
        let is_written = self.singular(field, true)?;
        self.depth -= 1;
        Ok(is_written)
    }

    /// The content of a `google.protobuf.Value`: any JSON value.
    pub(super) fn value(&mut self, plan: &'a MessagePlan) -> Step {
        match self.reader.peek() {
            Some(b'"') => {
                let text = self.reader.string()?;
                wire::put_tag(self.out, value_tag::STRING);
                wire::put_bytes(self.out, text.as_bytes());
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.reader.number()?;
                self.value_number(number)
            }
            Some(b'{') => self.singular(&plan.fields[STRUCT_INDEX], true).map(drop),
            Some(b'[') => self.singular(&plan.fields[LIST_INDEX], true).map(drop),
            Some(b't') => self.value_literal("true", value_tag::BOOL, 1),
            Some(b'f') => self.value_literal("false", value_tag::BOOL, 0),
            Some(b'n') => self.value_literal("null", value_tag::NULL, 0),
            _ => Err(self.reader.expected("a JSON value").into()),
        }
    }

    fn value_number(&mut self, number: Number<'a>) -> Step {
        let Some(double) = number.double() else {
            return self
                .report
                .note(Problem::new(Reason::OutOfRange, Numeric::Double.expected()));
        };
        let is_refused = self.plans.options.refuse_unsafe_integers;
        if is_refused && double.abs() >= UNSAFE_INTEGER && number.is_whole() {
            return self
                .report
                .note(Problem::new(Reason::UnsafeInteger, UNSAFE_INTEGER_HINT));
        }
        wire::put_tag(self.out, value_tag::NUMBER);
        self.out.extend_from_slice(&double.to_le_bytes());
        Ok(())
    }

    fn value_literal(&mut self, word: &'static str, tag: u32, value: u64) -> Step {
        self.reader.literal(word)?;
        wire::put_tag(self.out, tag);
        wire::put_varint(self.out, value);
        Ok(())
    }

    /// Null is no element of a list and no value of a map.
    fn is_null_element(&mut self, field: &FieldPlan) -> bool {
        !field.takes_null && self.reader.peek() == Some(b'n')
    }
}

fn key(kind: Kind, text: Cow<'_, str>) -> Result<Key<'_>, Problem> {
    match kind {
        Kind::String => Ok(Key::Text(text)),
        Kind::Bool => scalar::from_bool_text(&text).map(Key::Scalar),
        Kind::Number(numeric) => scalar::from_number_text(numeric, &text).map(Key::Scalar),
        Kind::Bytes | Kind::Enum(_) | Kind::Message(_) | Kind::Group(_) => {
            Err(Problem::new(Reason::InvalidValue, "no key can have this type"))
        }
    }
}
