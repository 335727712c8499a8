//! The parameters of an operation: what its path, its query and its headers set.

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::behavior::{Behavior, IMMUTABLE, is_required};
use super::model::{Parameter, Schema};
use super::path::{Extent, Path, json_path};
use super::schema::{Direction, Schemas, has_text_form, is_deprecated, is_special, push_sentence};
use crate::route::{Body, Query, Route};

/// Messages that a query parameter's name is shown to lead through; deeper ones are served, and not shown.
const NESTING_MAX: usize = 3;

/// The parameters in the path, in its order.
pub(super) fn of_path(route: &Route, path: &Path, schemas: &mut Schemas<'_>) -> Vec<Parameter> {
    let slots = path.slots.iter();
    slots
        .map(|slot| {
            let field = slot.variable.map(|index| &route.variables[index].1.field);
            let mut description = field
                .map_or("", |field| schemas.comment(field.descriptor()))
                .to_owned();
            let note = match slot.extent {
                Extent::Whole => None,
                Extent::Part => slot.variable.map(|index| {
                    format!(
                        "One segment of `{}`.",
                        json_path(&route.variables[index].1.pointer)
                    )
                }),
                Extent::Rest => {
                    Some("May be several segments, or none: their slashes stay as they are.".to_owned())
                }
            };
            if let Some(note) = note {
                push_sentence(&mut description, &note);
            }
            let schema = match field {
                Some(field) if slot.extent == Extent::Whole => {
                    schemas.field(field.descriptor(), Direction::Request)
                }
                Some(_) | None => Schema::of("string"),
            };
            Parameter {
                name: slot.name.clone(),
                place: "path",
                description,
                required: true,
                deprecated: false,
                schema,
            }
        })
        .collect()
}

/// The parameters in the query: all fields that neither path nor body set.
pub(super) fn of_query(
    route: &Route,
    request: &MessageDescriptor,
    schemas: &mut Schemas<'_>,
) -> Vec<Parameter> {
    let body = match (&route.query, &route.body) {
        (Query::None, _) => return Vec::new(),
        (Query::Fields(_), Body::Field { field, .. }) => Some(field.descriptor().number()),
        (Query::Fields(_), Body::None | Body::Whole) => None,
    };
    let set = route.variables.iter();
    let mut walk = Walk {
        schemas,
        set: set.map(|(_, parameter)| json_path(&parameter.pointer)).collect(),
        parameters: Vec::new(),
        way: vec![request.clone()],
        is_required: true,
    };
    for field in request.fields().filter(|field| Some(field.number()) != body) {
        walk.field(&field, "");
    }
    walk.parameters
}

/// A walk through the fields of a request and of the messages in it.
struct Walk<'s, 'a> {
    schemas: &'s mut Schemas<'a>,
    /// What the path sets.
    set: Vec<String>,
    parameters: Vec<Parameter>,
    /// The messages that led here: types may be recursive.
    way: Vec<MessageDescriptor>,
    /// Whether callers must set all of the fields that led here.
    is_required: bool,
}

impl Walk<'_, '_> {
    fn field(&mut self, field: &FieldDescriptor, prefix: &str) {
        let name = format!("{prefix}{}", field.json_name());
        if field.is_map() || self.set.contains(&name) || Behavior::of(field).is_output_only {
            return;
        }
        let kind = field.kind();
        let Some(message) = kind.as_message().filter(|message| !has_text_form(message)) else {
            return self.push(field, name);
        };
        let is_shown = !self.way.contains(message) && self.way.len() <= NESTING_MAX;
        if field.is_list() || is_special(message) || !is_shown {
            return;
        }
        let was_required = self.is_required;
        self.is_required &= is_required(field);
        self.way.push(message.clone());
        for inner in message.fields() {
            self.field(&inner, &format!("{name}."));
        }
        self.way.pop();
        self.is_required = was_required;
    }

    fn push(&mut self, field: &FieldDescriptor, name: String) {
        let mut description = self.schemas.comment(field).to_owned();
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        if let Some(oneof) = oneof.filter(|oneof| oneof.fields().len() > 1) {
            let names: Vec<_> = oneof
                .fields()
                .map(|field| format!("`{}`", field.json_name()))
                .collect();
            push_sentence(&mut description, &format!("At most one of {}.", names.join(", ")));
        }
        if Behavior::of(field).is_immutable {
            push_sentence(&mut description, IMMUTABLE);
        }
        self.parameters.push(Parameter {
            name,
            place: "query",
            description,
            required: self.is_required && is_required(field),
            deprecated: is_deprecated(field),
            schema: self.schemas.field(field, Direction::Request),
        });
    }
}

/// The header that takes a reader's own copy of the answer into account.
pub(super) fn if_none_match() -> Parameter {
    header(
        "If-None-Match",
        "The `ETag` of an answer that the caller has: 304 while nothing has changed.",
    )
}

/// The header that resumes a stream of events.
pub(super) fn last_event_id(route: &Route) -> Option<Parameter> {
    let resume = route.rpc.resume.as_ref()?;
    let description = format!(
        "For `text/event-stream`: the last event that was seen. Takes the place of `{}`.",
        json_path(&resume.pointer)
    );
    Some(header("Last-Event-ID", &description))
}

fn header(name: &str, description: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        place: "header",
        description: description.to_owned(),
        required: false,
        deprecated: false,
        schema: Schema::of("string"),
    }
}
