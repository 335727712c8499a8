//! `google.protobuf.Any`: `@type` says which message the other members are of. It may stand anywhere, so it is looked
//! for ahead; nearly always it comes first.

use std::borrow::Cow;

use super::report::{Halt, Part};
use super::scalar::Problem;
use super::{Parser, Step};
use crate::Reason;
use crate::plan::{MessagePlan, Shape};
use crate::wire::{self, WireType};

pub(super) const TYPE: &str = "@type";
const VALUE: &str = "value";

/// What a look ahead finds.
enum Ahead<'a> {
    Url(Cow<'a, str>),
    NoText,
    NoType,
    /// `{}`, which is an empty `Any`.
    NoMember,
}

impl<'a> Parser<'a> {
    pub(super) fn any(&mut self) -> Step {
        if !self.opens(b'{', "expected an object with @type")? {
            return Ok(());
        }
        let url = match self.look_ahead()? {
            Ahead::NoMember => return self.rest(),
            Ahead::Url(url) => url,
            Ahead::NoText => return self.refuse_type(Reason::WrongType, "expected a type URL"),
            Ahead::NoType => return self.refuse_type(Reason::MissingField, "expected a type URL"),
        };
        let Some((_, name)) = url.rsplit_once('/').filter(|(_, name)| !name.is_empty()) else {
            let expected = "expected a type URL: a prefix, a slash and the full name of a message";
            return self.refuse_type(Reason::InvalidValue, expected);
        };
        let Some(id) = self.plans.id(name) else {
            return self.refuse_type(Reason::UnknownMessageType, "no such message type is known");
        };
        self.content(&url, self.plans.message(id))
    }

    fn content(&mut self, url: &str, plan: &'a MessagePlan) -> Step {
        wire::put_tag(self.out, wire::tag(1, WireType::Bytes));
        wire::put_bytes(self.out, url.as_bytes());
        let mark = self.out.len();
        wire::put_tag(self.out, wire::tag(2, WireType::Bytes));
        let start = wire::open(self.out);
        self.enter_message()?;
        match plan.shape == Shape::Fields {
            true => self.members(plan, true)?,
            false => self.special(plan)?,
        }
        self.depth -= 1;
        match self.out.len() == start {
            true => self.out.truncate(mark),
            false => wire::close(self.out, start),
        }
        Ok(())
    }

    /// A message with a JSON form of its own stands in `value`.
    fn special(&mut self, plan: &'a MessagePlan) -> Step {
        let (mut has_type, mut has_value, mut is_first) = (false, plan.shape == Shape::Empty, true);
        let mut is_repeated = false;
        while let Some(key) = self.reader.member(is_first)? {
            is_first = false;
            match &*key {
                TYPE => self.type_member(&mut has_type)?,
                VALUE => {
                    self.report.enter(Part::Name(VALUE));
                    match std::mem::replace(&mut is_repeated, true) {
                        true => self.refuse(Reason::DuplicateField, "the field is given twice")?,
                        false => self.message(plan)?,
                    }
                    self.report.leave();
                    has_value = true;
                }
                _ => self.unknown(key, &plan.full_name)?,
            }
        }
        if has_value {
            return Ok(());
        }
        self.report.enter(Part::Name(VALUE));
        self.report.note(Problem::new(
            Reason::MissingField,
            "the value of this type is missing",
        ))?;
        self.report.leave();
        Ok(())
    }

    /// Reads over `@type`, which was looked up ahead.
    pub(super) fn type_member(&mut self, has_type: &mut bool) -> Step {
        if !std::mem::replace(has_type, true) {
            return self.skip();
        }
        self.report.enter(Part::Name(TYPE));
        self.refuse(Reason::DuplicateField, "the field is given twice")?;
        self.report.leave();
        Ok(())
    }

    fn look_ahead(&mut self) -> Step<Ahead<'a>> {
        let mut ahead = self.reader;
        let mut is_first = true;
        while let Some(key) = ahead.member(is_first)? {
            is_first = false;
            if key == TYPE {
                return match ahead.peek() {
                    Some(b'"') => Ok(Ahead::Url(ahead.string()?)),
                    _ => Ok(Ahead::NoText),
                };
            }
            if !ahead.skip(self.depth_left())? {
                return Err(Halt::TooDeep);
            }
        }
        Ok(if is_first { Ahead::NoMember } else { Ahead::NoType })
    }

    fn refuse_type(&mut self, reason: Reason, expected: &'static str) -> Step {
        self.report.enter(Part::Name(TYPE));
        self.report.note(Problem::new(reason, expected))?;
        self.report.leave();
        self.rest()
    }

    /// Reads over the members of an object whose brace was taken.
    fn rest(&mut self) -> Step {
        let mut is_first = true;
        while self.reader.member(is_first)?.is_some() {
            is_first = false;
            self.skip()?;
        }
        Ok(())
    }
}
