//! JSON text to wire bytes, in one pass: a recursive descent over the text, led by the compiled tables, that appends
//! each value as soon as it is read. What is wrong is noted and read over; only malformed text and limits stop it.

mod any;
mod collection;
mod keys;
mod report;
mod scalar;
mod text_form;

use std::borrow::Cow;

use crate::json::Reader;
use crate::plan::{Cardinality, FieldPlan, Kind, MessageId, MessagePlan, Plans, Shape};
use crate::{Error, Reason, base64, wire};
use keys::{Keys, Seen};
use report::{Halt, Part, Report};
use scalar::{Problem, Scalar};

/// The outcome of a step; an error stops the reading.
type Step<T = ()> = Result<T, Halt>;

/// One text on its way to the wire.
struct Parser<'a> {
    plans: &'a Plans,
    reader: Reader<'a>,
    out: &'a mut Vec<u8>,
    /// `out` may grow to this.
    out_bytes_max: usize,
    /// Messages around the one being read, the root not counted.
    depth: usize,
    report: Report<'a>,
    keys: Keys<'a>,
}

/// Appends the wire bytes of a whole message.
pub(crate) fn message<'a>(
    plans: &'a Plans,
    id: MessageId,
    json: &'a [u8],
    out: &'a mut Vec<u8>,
) -> Result<(), Error> {
    run(plans, json, out, |parser| parser.message(plans.message(id)))
}

/// Appends a field's JSON value as a fragment of the message that the first field of the path belongs to. A default is
/// written as well, so that merging the fragment overrides.
pub(crate) fn fragment<'a>(
    plans: &'a Plans,
    path: &[&'a FieldPlan],
    json: &'a [u8],
    out: &'a mut Vec<u8>,
) -> Result<(), Error> {
    run(plans, json, out, |parser| parser.fragment(path))
}

/// The same for a value as a URL carries it.
pub(crate) fn text_fragment<'a>(
    plans: &'a Plans,
    path: &[&'a FieldPlan],
    text: &'a str,
    out: &'a mut Vec<u8>,
) -> Result<(), Error> {
    let start = out.len();
    let mut report = Report::new(1);
    let Some((field, parents)) = path.split_last() else {
        return report.finish(Ok(()));
    };
    let opened: Vec<_> = parents.iter().map(|parent| open(parent, out)).collect();
    let problem = text_form::put_url_value(plans, field, text, out).err();
    close_all(parents, opened, out);
    path.iter()
        .for_each(|field| report.enter(Part::Name(&field.json_name)));
    let outcome = match problem {
        Some(problem) => report.note(problem),
        None if out.len() - start > plans.options.output_bytes_max => Err(Halt::TooLarge),
        None => Ok(()),
    };
    let done = report.finish(outcome);
    if done.is_err() {
        out.truncate(start);
    }
    done
}

fn run<'a>(
    plans: &'a Plans,
    json: &'a [u8],
    out: &'a mut Vec<u8>,
    read: impl FnOnce(&mut Parser<'a>) -> Step,
) -> Result<(), Error> {
    let report = Report::new(plans.options.violations_max);
    let reader = match Reader::new(json) {
        Ok(reader) => reader,
        Err(malformed) => return report.finish(Err(malformed.into())),
    };
    let start = out.len();
    let out_bytes_max = start.saturating_add(plans.options.output_bytes_max);
    let mut parser = Parser {
        plans,
        reader,
        out,
        out_bytes_max,
        depth: 0,
        report,
        keys: Keys::default(),
    };
    let outcome = read(&mut parser).and_then(|()| Ok(parser.reader.end()?));
    let done = parser.report.finish(outcome);
    if done.is_err() {
        parser.out.truncate(start);
    }
    done
}

/// Begins a value whose end is to be marked; [`close`] takes what this returns.
fn open(field: &FieldPlan, out: &mut Vec<u8>) -> usize {
    wire::put_tag(out, field.tag);
    match field.is_group() {
        true => out.len(),
        false => wire::open(out),
    }
}

fn close(field: &FieldPlan, out: &mut Vec<u8>, start: usize) {
    match field.is_group() {
        true => wire::close_group(out, field.number),
        false => wire::close(out, start),
    }
}

/// From the innermost outwards.
fn close_all(fields: &[&FieldPlan], opened: Vec<usize>, out: &mut Vec<u8>) {
    let pairs = fields.iter().zip(opened).rev();
    pairs.for_each(|(field, start)| close(field, out, start));
}

impl<'a> Parser<'a> {
    fn fragment(&mut self, path: &[&'a FieldPlan]) -> Step {
        let Some((field, parents)) = path.split_last() else {
            return Ok(());
        };
        path.iter()
            .for_each(|field| self.report.enter(Part::Name(&field.json_name)));
        let opened: Vec<_> = parents.iter().map(|parent| open(parent, self.out)).collect();
        self.depth = opened.len();
        if !self.is_absent(field)? {
            self.present(field, true)?;
        }
        close_all(parents, opened, self.out);
        path.iter().for_each(|_| self.report.leave());
        self.check_size()
    }

    /// The content of a message, without tag and length.
    fn message(&mut self, plan: &'a MessagePlan) -> Step {
        match plan.shape {
            Shape::Fields | Shape::Empty => {
                if self.opens(b'{', "expected an object")? {
                    self.members(plan, false)?;
                }
                Ok(())
            }
            Shape::OnlyField => self.present(&plan.fields[0], false).map(drop),
            Shape::Value => self.value(plan),
            Shape::Any => self.any(),
            Shape::Timestamp | Shape::Duration | Shape::FieldMask => self.text_form(plan.shape),
        }
    }

    /// The members of an object whose brace was taken. `@type` is read over within an `Any`.
    fn members(&mut self, plan: &'a MessagePlan, is_in_any: bool) -> Step {
        let mut seen = Seen::new(plan);
        let (mut has_type, mut is_first) = (false, true);
        while let Some(key) = self.reader.member(is_first)? {
            is_first = false;
            match plan.index_by_name(&key) {
                Some(index) => self.member(plan, index, &mut seen)?,
                None if is_in_any && key == any::TYPE => self.type_member(&mut has_type)?,
                None => self.unknown(key, &plan.full_name)?,
            }
        }
        Ok(())
    }

    fn member(&mut self, plan: &'a MessagePlan, index: usize, seen: &mut Seen) -> Step {
        let field = &plan.fields[index];
        self.report.enter(Part::Name(&field.json_name));
        if !seen.insert_field(index) {
            self.refuse(Reason::DuplicateField, "the field is given twice")?;
        } else if self.is_absent(field)? {
            // Null sets no field, so it does not count as a member of a oneof.
        } else if field.oneof.is_some_and(|oneof| !seen.insert_oneof(oneof)) {
            self.refuse(Reason::OneofConflict, "another member of the same oneof is given")?;
        } else {
            self.present(field, false)?;
        }
        self.report.leave();
        Ok(())
    }

    fn unknown(&mut self, key: Cow<'a, str>, message: &str) -> Step {
        if self.plans.options.ignore_unknown_fields {
            return self.skip();
        }
        self.report.enter(Part::Key(key));
        self.refuse(Reason::UnknownField, format!("{message} has no such field"))?;
        self.report.leave();
        Ok(())
    }

    /// Takes a null that stands for an absent field.
    #[inline]
    fn is_absent(&mut self, field: &FieldPlan) -> Step<bool> {
        if self.reader.peek() != Some(b'n') || (field.takes_null && field.is_singular()) {
            return Ok(false);
        }
        self.reader.literal("null")?;
        Ok(true)
    }

    /// A value that is there, tags included. False when it was of no use and nothing was written.
    #[inline]
    fn present(&mut self, field: &'a FieldPlan, keep_default: bool) -> Step<bool> {
        match field.cardinality {
            Cardinality::Implicit => self.singular(field, keep_default),
            Cardinality::Explicit => self.singular(field, true),
            Cardinality::List { is_packed } => self.list(field, is_packed),
            Cardinality::Map => self.map(field),
        }
    }

    fn singular(&mut self, field: &'a FieldPlan, keep_default: bool) -> Step<bool> {
        let is_written = match field.kind {
            Kind::Message(id) | Kind::Group(id) => self.submessage(field, id)?,
            Kind::String => self.string(field, keep_default)?,
            Kind::Bytes => self.bytes(field, keep_default)?,
            Kind::Bool | Kind::Number(_) | Kind::Enum(_) => match self.scalar(field.kind)? {
                Some(scalar) if keep_default || !scalar.is_zero() => {
                    wire::put_tag(self.out, field.tag);
                    scalar.put(self.out);
                    true
                }
                scalar => scalar.is_some(),
            },
        };
        self.check_size()?;
        Ok(is_written)
    }

    fn submessage(&mut self, field: &FieldPlan, id: MessageId) -> Step<bool> {
        let start = open(field, self.out);
        self.enter_message()?;
        self.message(self.plans.message(id))?;
        self.depth -= 1;
        close(field, self.out, start);
        Ok(true)
    }

    fn string(&mut self, field: &FieldPlan, keep_default: bool) -> Step<bool> {
        let Some(text) = self.text(field.kind.expected())? else {
            return Ok(false);
        };
        if keep_default || !text.is_empty() {
            wire::put_tag(self.out, field.tag);
            wire::put_bytes(self.out, text.as_bytes());
        }
        Ok(true)
    }

    fn bytes(&mut self, field: &FieldPlan, keep_default: bool) -> Step<bool> {
        let Some(text) = self.text(field.kind.expected())? else {
            return Ok(false);
        };
        if keep_default || !text.is_empty() {
            let start = open(field, self.out);
            if !base64::decode(&text, self.out) {
                self.report
                    .note(Problem::new(Reason::InvalidValue, field.kind.expected()))?;
            }
            wire::close(self.out, start);
        }
        Ok(true)
    }

    fn text_form(&mut self, shape: Shape) -> Step {
        let Some(text) = self.text(text_form::expected(shape))? else {
            return Ok(());
        };
        match text_form::put(shape, &text, self.out) {
            Ok(()) => Ok(()),
            Err(problem) => self.report.note(problem),
        }
    }

    /// A JSON string; None when something else was noted as a wrong type.
    #[inline]
    fn text(&mut self, expected: &'static str) -> Step<Option<Cow<'a, str>>> {
        if self.reader.peek() == Some(b'"') {
            return Ok(Some(self.reader.string()?));
        }
        self.refuse(Reason::WrongType, expected).map(|()| None)
    }

    /// A number, boolean or enum value; None when a violation was noted or an unknown name is ignored.
    fn scalar(&mut self, kind: Kind) -> Step<Option<Scalar>> {
        let value = match (kind, self.reader.peek()) {
            (Kind::Number(numeric), Some(b'-' | b'0'..=b'9')) => {
                scalar::from_number(numeric, self.reader.number()?)
            }
            (Kind::Number(numeric), Some(b'"')) => scalar::from_number_text(numeric, &self.reader.string()?),
            (Kind::Bool, Some(b't')) => self.literal("true", 1)?,
            (Kind::Bool, Some(b'f')) => self.literal("false", 0)?,
            (Kind::Enum(id), Some(b'"')) => {
                let name = self.reader.string()?;
                match scalar::from_enum_name(self.plans.enumeration(id), &name) {
                    Err(_) if self.plans.options.ignore_unknown_fields => return Ok(None),
                    value => value,
                }
            }
            (Kind::Enum(_), Some(b'-' | b'0'..=b'9')) => scalar::from_enum_number(self.reader.number()?),
            (Kind::Enum(id), Some(b'n')) if self.plans.enumeration(id).is_null => self.literal("null", 0)?,
            _ => return self.refuse(Reason::WrongType, kind.expected()).map(|()| None),
        };
        match value {
            Ok(scalar) => Ok(Some(scalar)),
            Err(problem) => self.report.note(problem).map(|()| None),
        }
    }

    fn literal(&mut self, word: &'static str, value: u64) -> Step<Result<Scalar, Problem>> {
        self.reader.literal(word)?;
        Ok(Ok(Scalar::Varint(value)))
    }

    /// Takes an opening brace or bracket; otherwise notes a wrong type and reads over the value.
    #[inline]
    fn opens(&mut self, byte: u8, expected: &'static str) -> Step<bool> {
        if self.reader.take(byte) {
            return Ok(true);
        }
        self.refuse(Reason::WrongType, expected).map(|()| false)
    }

    /// Reads over a value and notes what is wrong with it.
    fn refuse(&mut self, reason: Reason, description: impl Into<Cow<'static, str>>) -> Step {
        self.skip()?;
        self.report.note(Problem::new(reason, description))
    }

    fn skip(&mut self) -> Step {
        match self.reader.skip(self.depth_left())? {
            true => Ok(()),
            false => Err(Halt::TooDeep),
        }
    }

    /// Levels that what is read over may have.
    fn depth_left(&self) -> usize {
        self.plans.options.depth_max.saturating_sub(self.depth)
    }

    #[inline]
    fn enter_message(&mut self) -> Step {
        self.depth += 1;
        match self.depth > self.plans.options.depth_max {
            true => Err(Halt::TooDeep),
            false => Ok(()),
        }
    }

    #[inline]
    fn check_size(&self) -> Step {
        match self.out.len() > self.out_bytes_max {
            true => Err(Halt::TooLarge),
            false => Ok(()),
        }
    }
}
