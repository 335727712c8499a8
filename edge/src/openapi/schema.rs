//! Messages as JSON Schemas: what the proto3 JSON mapping makes of them (protobuf.dev/programming-guides/json).
//!
//! A message may need two: a request may leave fields out and must not add any; an answer always has the fields that know
//! no presence, and a newer server may add some. Of a message that goes both ways the request's has `-Input` in its name.

mod set;
mod special;

use std::collections::{BTreeMap, HashSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::behavior::{Behavior, IMMUTABLE};
use super::comment::Comments;
use super::model::{Additional, Ordered, Schema};
pub(crate) use set::{Set, is_left_to_body};
pub(crate) use special::{has_text_form, is_special};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Answer,
}

/// The component schemas of a document.
#[derive(Debug)]
pub(crate) struct Schemas<'a> {
    comments: &'a Comments,
    /// Messages that go both ways.
    shared: HashSet<String>,
    named: HashSet<String>,
    /// Named, and still to be made.
    open: Vec<(String, Open)>,
}

#[derive(Debug)]
enum Open {
    Message(MessageDescriptor, Direction),
    Enum(EnumDescriptor),
}

impl<'a> Schemas<'a> {
    /// `requests` and `answers` are the messages that the operations begin with.
    pub(crate) fn new(
        comments: &'a Comments,
        requests: Vec<MessageDescriptor>,
        answers: Vec<MessageDescriptor>,
    ) -> Self {
        let (requests, answers) = (reach(requests), reach(answers));
        Self {
            comments,
            shared: requests.intersection(&answers).cloned().collect(),
            named: HashSet::new(),
            open: Vec::new(),
        }
    }

    pub(crate) fn comments(&self) -> &'a Comments {
        self.comments
    }

    /// A message by its component, or what a well-known type is.
    pub(crate) fn message(&mut self, message: &MessageDescriptor, direction: Direction) -> Schema {
        if let Some(schema) = special::message(message) {
            return schema;
        }
        let mut name = message.full_name().to_owned();
        if direction == Direction::Request && self.shared.contains(&name) {
            // No message has a hyphen in its name.
            name.push_str("-Input");
        }
        self.refer(name, Open::Message(message.clone(), direction))
    }

    /// A message of a request. In place where the path sets some of its fields, if that changes what the body must or may
    /// have: what one parameter sets is left out, and nothing that the path sets is required.
    pub(crate) fn without(&mut self, message: &MessageDescriptor, sets: &[Set<'_>]) -> Schema {
        if special::message(message).is_some() || !sets.iter().any(|set| set.changes(message)) {
            return self.message(message, Direction::Request);
        }
        self.object(message, Direction::Request, sets)
    }

    /// The value of a field: list, map or single, without its comment.
    pub(crate) fn field(&mut self, field: &FieldDescriptor, direction: Direction) -> Schema {
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let value = self.single(&entry.map_entry_value_field(), direction);
            return Schema {
                property_names: special::key(&entry.map_entry_key_field().kind()).map(Box::new),
                additional_properties: Some(Additional::Like(Box::new(value))),
                ..Schema::of("object")
            };
        }
        let single = self.single(field, direction);
        match field.is_list() {
            true => Schema::list(single),
            false => single,
        }
    }

    pub(crate) fn comment(&self, field: &FieldDescriptor) -> &'a str {
        let file = field.parent_message().parent_file();
        self.comments.at(&file, field.path())
    }

    /// All that was referred to, by name.
    pub(crate) fn finish(mut self) -> BTreeMap<String, Schema> {
        let mut components = BTreeMap::new();
        while let Some((name, open)) = self.open.pop() {
            let schema = match open {
                Open::Message(message, direction) => self.object(&message, direction, &[]),
                Open::Enum(descriptor) => self.enumeration(&descriptor),
            };
            components.insert(name, schema);
        }
        components
    }

    fn single(&mut self, field: &FieldDescriptor, direction: Direction) -> Schema {
        let kind = field.kind();
        if let Some(message) = kind.as_message() {
            return self.message(message, direction);
        }
        let Some(descriptor) = kind.as_enum() else {
            return special::scalar(&kind);
        };
        special::enumeration(descriptor).unwrap_or_else(|| {
            let open = Open::Enum(descriptor.clone());
            self.refer(descriptor.full_name().to_owned(), open)
        })
    }

    fn refer(&mut self, name: String, open: Open) -> Schema {
        let schema = Schema::reference(&name);
        if self.named.insert(name.clone()) {
            self.open.push((name, open));
        }
        schema
    }

    fn object(&mut self, message: &MessageDescriptor, direction: Direction, sets: &[Set<'_>]) -> Schema {
        let fields: Vec<_> = message
            .fields()
            .filter(|field| !sets.iter().any(|set| set.is_whole && set.is(field)))
            .collect();
        let mut properties = Ordered::default();
        for field in &fields {
            let inner: Vec<_> = sets.iter().filter_map(|set| set.within(field)).collect();
            let schema = match single_message(field).filter(|_| !inner.is_empty()) {
                Some(message) => self.without(&message, &inner),
                None => self.field(field, direction),
            };
            properties.push(field.json_name(), self.property(field, schema));
        }
        let is_required = |field: &&FieldDescriptor| match direction {
            Direction::Request => is_left_to_body(field, sets),
            Direction::Answer => field.is_required() || !field.supports_presence(),
        };
        let is_closed = direction == Direction::Request && message.extension_ranges().len() == 0;
        let names = |field: &FieldDescriptor| field.json_name().to_owned();
        Schema {
            description: self
                .comments
                .at(&message.parent_file(), message.path())
                .to_owned(),
            properties,
            required: fields.iter().filter(is_required).map(names).collect(),
            additional_properties: is_closed.then_some(Additional::Are(false)),
            dependent_schemas: message.oneofs().flat_map(|oneof| rivals(&oneof)).collect(),
            ..Schema::of("object")
        }
    }

    /// The value of a field with all that is said of it.
    fn property(&self, field: &FieldDescriptor, value: Schema) -> Schema {
        let behavior = Behavior::of(field);
        let mut schema = value;
        let comment = self.comment(field);
        if !comment.is_empty() {
            schema.description = comment.to_owned();
        }
        if behavior.is_immutable {
            push_sentence(&mut schema.description, IMMUTABLE);
        }
        schema.read_only = behavior.is_output_only;
        schema.write_only = behavior.is_input_only;
        schema.deprecated = is_deprecated(field);
        schema
    }

    fn enumeration(&self, descriptor: &EnumDescriptor) -> Schema {
        let file = descriptor.parent_file();
        let mut description = self.comments.at(&file, descriptor.path()).to_owned();
        let values: Vec<_> = descriptor.values().collect();
        for value in &values {
            let comment = self.comments.at(&file, value.path()).replace('\n', " ");
            if !comment.is_empty() {
                let gap = match description.as_str() {
                    "" => "",
                    text if text.contains("\n- `") || text.starts_with("- `") => "\n",
                    _ => "\n\n",
                };
                description.push_str(&format!("{gap}- `{}`: {comment}", value.name()));
            }
        }
        Schema {
            description,
            values: values.iter().map(|value| value.name().to_owned()).collect(),
            ..Schema::of("string")
        }
    }
}

/// The message that a field is, unless it is a list or a map of them.
pub(crate) fn single_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let kind = field.kind();
    kind.as_message()
        .filter(|_| !field.is_list() && !field.is_map())
        .cloned()
}

pub(crate) fn push_sentence(text: &mut String, sentence: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(sentence);
}

/// The names of all messages that can be met on the way.
fn reach(mut open: Vec<MessageDescriptor>) -> HashSet<String> {
    let mut reached = HashSet::new();
    while let Some(message) = open.pop() {
        if special::message(&message).is_some() || !reached.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            let mut kind = field.kind();
            if let Some(entry) = kind.as_message().filter(|_| field.is_map()) {
                kind = entry.map_entry_value_field().kind();
            }
            open.extend(kind.as_message().cloned());
        }
    }
    reached
}

/// What each member of a oneof excludes: those behind it, which is enough for every pair.
fn rivals(oneof: &OneofDescriptor) -> Vec<(String, Schema)> {
    if oneof.is_synthetic() {
        return Vec::new();
    }
    let names: Vec<_> = oneof.fields().map(|field| field.json_name().to_owned()).collect();
    let mut excluded = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let mut others: Vec<_> = names[index + 1..]
            .iter()
            .map(|other| Schema {
                required: vec![other.clone()],
                ..Schema::default()
            })
            .collect();
        let not = match others.len() {
            0 => continue,
            1 => others.remove(0),
            _ => Schema::any_of(others),
        };
        let schema = Schema {
            not: Some(Box::new(not)),
            ..Schema::default()
        };
        excluded.push((name.clone(), schema));
    }
    excluded
}

pub(crate) fn is_deprecated(field: &FieldDescriptor) -> bool {
    let options = field.field_descriptor_proto().options.as_ref();
    options.is_some_and(|options| options.deprecated())
}
