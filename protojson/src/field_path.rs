//! One field of a message, reached through singular messages: what paths, query keys, `body` and `response_body` of
//! google.api.http name.

use std::fmt;

use prost_reflect::FieldDescriptor;

use crate::json::{Malformed, Reader};
use crate::plan::{FieldPlan, Shape};
use crate::{Error, Message, parse, print};

/// A field reached through singular message fields. Cheap to clone.
#[derive(Clone)]
pub struct FieldPath {
    root: Message,
    /// Never empty.
    steps: Vec<print::Step>,
    last: FieldDescriptor,
}

impl fmt::Debug for FieldPath {
    /// By names alone: a descriptor may print its whole type, and more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldPath")
            .field("root", &self.root)
            .field("last", &self.last.full_name())
            .finish_non_exhaustive()
    }
}

impl FieldPath {
    pub(crate) fn new(root: &Message, path: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut parent = Some(root.id);
        let mut last = None;
        for name in path.split('.') {
            let id = parent?;
            let plan = root.plans.message(id);
            // The fields of a well-known type are not what its JSON has.
            let index = plan.index_by_name(name).filter(|_| plan.shape == Shape::Fields)?;
            let field = &plan.fields[index];
            parent = field.kind.message().filter(|_| field.is_singular());
            steps.push((id, index));
            last = Some(field.descriptor.clone());
        }
        Some(Self {
            root: root.clone(),
            steps,
            last: last?,
        })
    }

    /// The descriptor of the field at the path's end.
    #[must_use]
    pub fn descriptor(&self) -> &FieldDescriptor {
        &self.last
    }

    /// Appends one value as a URL carries it, as a wire fragment that merges into the root message: scalars, enums
    /// by name or number, bytes in both base64 alphabets, and the string forms of `Timestamp`, `Duration`,
    /// `FieldMask` and the wrappers. One call is one element of a repeated field. A default is written, too.
    ///
    /// # Errors
    /// The text is no value of the field, or the field has no string form; `out` is then as it was.
    pub fn text_to_wire(&self, text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        parse::text_fragment(&self.root.plans, &self.fields(), text, out)
    }

    /// Appends the field's own JSON value (object, array, scalar, null) as a wire fragment that merges into the root
    /// message, tag and length included. A default is written, too; null leaves the field out.
    ///
    /// # Errors
    /// All violations of the text; `out` is then as it was.
    pub fn json_to_wire(&self, json: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        parse::fragment(&self.root.plans, &self.fields(), json, out)
    }

    /// Appends the field's JSON value, picked out of the root message's wire bytes. An absent field prints as its
    /// default: `{}` for a message, `[]` for a list; `null` for well-known types that have no empty form.
    ///
    /// # Errors
    /// The first violation of the wire bytes; `out` is then as it was.
    pub fn to_json(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        print::field(&self.root.plans, &self.steps, wire, out)
    }

    /// The field as plain text. None when a message on the way or a field with presence is unset; a field without
    /// presence always has a text (`0`, the empty text).
    ///
    /// # Errors
    /// The wire bytes are malformed, or the field has no string form.
    pub fn to_text(&self, wire: &[u8]) -> Result<Option<String>, Error> {
        print::text(&self.root.plans, &self.steps, wire)
    }

    /// Whether the root message's wire bytes hold this field, at its default or not.
    ///
    /// # Errors
    /// The wire bytes are malformed.
    pub fn is_set(&self, wire: &[u8]) -> Result<bool, Error> {
        print::is_set(&self.root.plans, &self.steps, wire)
    }

    /// Whether a JSON text says something of this field, be it its default, which leaves no wire bytes where the field has no
    /// presence. Null says nothing. The text is the root message's, or the value of the path's first `parents` fields; one that
    /// could not be read says nothing.
    #[must_use]
    pub fn is_named(&self, json: &[u8], parents: usize) -> bool {
        let depth_max = self.root.plans.options.depth_max;
        let fields = self.fields();
        let fields = fields.get(parents..).unwrap_or_default();
        let named = Reader::new(json).and_then(|mut reader| is_named(&mut reader, fields, depth_max));
        named.unwrap_or(false)
    }

    fn fields(&self) -> Vec<&FieldPlan> {
        self.steps
            .iter()
            .map(|&(id, index)| &self.root.plans.message(id).fields[index])
            .collect()
    }
}

/// Follows the fields into the text.
fn is_named(reader: &mut Reader<'_>, fields: &[&FieldPlan], depth_max: usize) -> Result<bool, Malformed> {
    for field in fields {
        if !reader.take(b'{') || !find(reader, field, depth_max)? {
            return Ok(false);
        }
    }
    Ok(reader.peek() != Some(b'n'))
}

/// Reads an object up to the value of this field, if it has one.
fn find(reader: &mut Reader<'_>, field: &FieldPlan, depth_max: usize) -> Result<bool, Malformed> {
    let mut is_first = true;
    while let Some(name) = reader.member(is_first)? {
        if *name == *field.json_name || name == field.descriptor.name() {
            return Ok(true);
        }
        if !reader.skip(depth_max)? {
            return Ok(false);
        }
        is_first = false;
    }
    Ok(false)
}
