//! One route as an operation.

use prost_reflect::MethodDescriptor;

use super::behavior::is_required;
use super::comment::summary;
use super::model::{Media, Operation, Ordered, RequestBody, Response, Schema};
use super::path::{Extent, Path, Slot};
use super::schema::{Direction, Schemas, Set, is_left_to_body, single_message};
use super::{error, parameter};
use crate::route::{self, Body, Route};

const STREAM: &str = "\
A stream of messages, in the form that `Accept` asks for.

- `text/event-stream`: each message one event, its JSON as `data`. The end is `event: done`, or `event: failed` with an error body as data.
- `application/x-ndjson`: one JSON object a line. An error is the last line.
- `application/json`: one array, closed at the end. An error after the first message is the last element.";

/// What an operation is called.
pub(super) struct Names {
    pub(super) tag: String,
    pub(super) id: String,
}

pub(super) fn operation(
    route: &Route,
    method: &MethodDescriptor,
    names: Names,
    path: &Path,
    schemas: &mut Schemas<'_>,
) -> Operation {
    let comment = schemas
        .comments()
        .at(&method.parent_service().parent_file(), method.path());
    let (summary, description) = summary(comment);
    let is_read = route.method == Some(http::Method::GET) && !route.rpc.streams.answers;
    let mut parameters = parameter::of_path(route, path, schemas);
    parameters.extend(parameter::of_query(route, &method.input(), schemas));
    parameters.extend(is_read.then(parameter::if_none_match));
    parameters.extend(parameter::last_event_id(route));
    let options = method.method_descriptor_proto().options.as_ref();
    Operation {
        tags: [names.tag],
        summary,
        description,
        operation_id: names.id,
        deprecated: options.is_some_and(|options| options.deprecated()),
        parameters,
        request_body: request_body(route, method, path, schemas),
        responses: responses(route, method, is_read, schemas),
        rpc: route.rpc.path.to_string(),
    }
}

fn request_body(
    route: &Route,
    method: &MethodDescriptor,
    path: &Path,
    schemas: &mut Schemas<'_>,
) -> Option<RequestBody> {
    let description = match &route.body {
        Body::None => return None,
        Body::Whole => String::new(),
        Body::Field { field, .. } => schemas.comment(field.descriptor()).to_owned(),
    };
    let required = match &route.body {
        Body::Field { field, .. } => is_required(field.descriptor()),
        Body::Whole if method.is_client_streaming() => false,
        Body::None | Body::Whole => {
            let sets = set_by_path(route, path, "");
            method
                .input()
                .fields()
                .any(|field| is_left_to_body(&field, &sets))
        }
    };
    if route.raw_body.is_some() {
        return Some(RequestBody {
            description,
            required,
            content: raw(),
        });
    }
    let schema = match &route.body {
        Body::None => return None,
        Body::Whole => schemas.without(&method.input(), &set_by_path(route, path, "")),
        Body::Field { field, .. } => match single_message(field.descriptor()) {
            Some(message) => {
                let prefix = format!("/{}", field.descriptor().json_name());
                schemas.without(&message, &set_by_path(route, path, &prefix))
            }
            None => schemas.field(field.descriptor(), Direction::Request),
        },
    };
    let content = match method.is_client_streaming() {
        true => [
            ("application/x-ndjson", Media::each(schema.clone())),
            ("application/json", Media::whole(Schema::list(schema))),
        ]
        .into_iter()
        .collect(),
        false => one("application/json", schema),
    };
    Some(RequestBody {
        description,
        required,
        content,
    })
}

/// What variables of the path set in the message that stands at this JSON Pointer.
fn set_by_path<'r>(route: &'r Route, path: &Path, prefix: &str) -> Vec<Set<'r>> {
    let variables = route.variables.iter().enumerate();
    variables
        .filter_map(|(index, (_, parameter))| {
            let is_whole = |slot: &Slot| slot.variable == Some(index) && slot.extent == Extent::Whole;
            let pointer = parameter.pointer.strip_prefix(prefix)?;
            pointer.starts_with('/').then(|| Set {
                pointer,
                is_whole: path.slots.iter().any(is_whole),
            })
        })
        .collect()
}

fn responses(
    route: &Route,
    method: &MethodDescriptor,
    is_read: bool,
    schemas: &mut Schemas<'_>,
) -> Ordered<Response> {
    let mut responses = Ordered::default();
    if route.raw_response.is_some() {
        responses.push("2XX", own("The bytes, of the type that they have.", raw()));
    } else {
        let schema = match &route.response {
            route::Response::Whole(_) => schemas.message(&method.output(), Direction::Answer),
            route::Response::Field(field) => schemas.field(field.descriptor(), Direction::Answer),
        };
        match route.rpc.streams.answers {
            true => stream(schema, route, &mut responses),
            false => responses.push("2XX", own("OK.", one("application/json", schema))),
        }
        // Whoever has nothing to tell may say so by `http-status`.
        if method.output().fields().len() == 0 {
            responses.push("204", own("It is done.", Ordered::default()));
        }
    }
    if is_read {
        let known = "What `If-None-Match` names is still so.";
        responses.push("304", own(known, Ordered::default()));
    }
    responses.push(
        "default",
        Response::Shared {
            reference: error::RESPONSE.to_owned(),
        },
    );
    responses
}

/// A stream in the three forms that a caller may ask for.
fn stream(message: Schema, route: &Route, responses: &mut Ordered<Response>) {
    let element = Schema::any_of(vec![message.clone(), Schema::reference(error::SCHEMA)]);
    let content = [
        ("text/event-stream", Media::each(message.clone())),
        ("application/x-ndjson", Media::each(message)),
        ("application/json", Media::whole(Schema::list(element))),
    ];
    responses.push("200", own(STREAM, content.into_iter().collect()));
    if route.rpc.resume.is_some() {
        let end = "Nothing comes after the event that `Last-Event-ID` names.";
        responses.push("204", own(end, Ordered::default()));
    }
}

fn own(description: &str, content: Ordered<Media>) -> Response {
    Response::Own {
        description: description.to_owned(),
        content,
    }
}

fn one(media_type: &str, schema: Schema) -> Ordered<Media> {
    [(media_type, Media::whole(schema))].into_iter().collect()
}

fn raw() -> Ordered<Media> {
    one("*/*", Schema::default())
}
