//! Binds a request: path, query and body of a route go straight to the wire bytes of its message.
//!
//! Collects all violations of all three at once. Knows nothing of HTTP beyond those texts.

mod query;

use std::borrow::Cow;
use std::collections::HashSet;

use postern_protojson::Reason;

use crate::problem::Violation;
use crate::route::{Body, Parameter, Path, Query, Route};

/// The texts of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) path: &'a Path<'a>,
    /// Whether the path ends in a verb.
    pub(crate) has_verb: bool,
    pub(crate) query: Option<&'a str>,
    /// Empty when there is none.
    pub(crate) body: &'a [u8],
    /// The type of a raw body, as the caller says it.
    pub(crate) content_type: &'a str,
    /// `Last-Event-ID`, where the answer is a stream of events.
    pub(crate) resume: Option<&'a [u8]>,
}

/// Why a request cannot be bound.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the request does not fit its message")]
    Invalid(Vec<Violation>),
    #[error("the message would be too large")]
    TooLarge,
}

/// Violations looked for.
pub(crate) const VIOLATIONS_MAX: usize = 100;

/// Bytes in front of a message in a gRPC frame: a flag and a length.
pub(crate) const FRAME_HEADER_BYTES: usize = 5;

/// The gRPC frame of the request message.
pub(crate) fn bind<'r>(route: &'r Route, input: &'r Input<'r>) -> Result<Vec<u8>, Error> {
    let mut binding = Binding::new(route, input);
    binding.body();
    binding.path();
    match &route.query {
        Query::None => binding.no_query(),
        Query::Fields(parameters) => binding.query(parameters),
    }
    binding.resume();
    binding.finish()
}

/// The gRPC frame of a further message of a stream: its body alone, for path and query belong to the first.
pub(crate) fn further<'r>(route: &'r Route, input: &'r Input<'r>) -> Result<Vec<u8>, Error> {
    let mut binding = Binding::new(route, input);
    binding.body();
    binding.finish()
}

/// A message in the making.
struct Binding<'r> {
    route: &'r Route,
    input: &'r Input<'r>,
    wire: Vec<u8>,
    violations: Vec<Violation>,
    /// What the path has set, with its canonical text.
    paths: Vec<(&'r Parameter, Option<String>)>,
    /// Singular fields that the query has named, by their pointers.
    seen: HashSet<String>,
    is_too_large: bool,
}

impl<'r> Binding<'r> {
    fn new(route: &'r Route, input: &'r Input<'r>) -> Self {
        // A Struct takes more room than its JSON.
        let mut wire = Vec::with_capacity(input.body.len() + input.body.len() / 2 + 64);
        wire.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
        Self {
            route,
            input,
            wire,
            violations: Vec::new(),
            paths: Vec::new(),
            seen: HashSet::new(),
            is_too_large: false,
        }
    }

    fn body(&mut self) {
        let (route, body) = (self.route, self.input.body);
        if let Some(raw) = route.raw_body {
            return raw.encode(self.input.content_type, body, &mut self.wire);
        }
        let result = match &route.body {
            Body::None if body.is_empty() => return,
            Body::None => return self.refuse(String::new(), "UNEXPECTED_BODY", "this method takes no body"),
            Body::Whole if body.is_empty() => return,
            Body::Whole => route.rpc.request.to_wire(body, &mut self.wire),
            Body::Field { empty, .. } if body.is_empty() => {
                self.wire.extend_from_slice(empty);
                return;
            }
            Body::Field { field, .. } => field.json_to_wire(body, &mut self.wire),
        };
        let Err(error) = result else { return };
        self.is_too_large |= error.is_too_large();
        for violation in error.into_violations() {
            self.refuse(
                violation.pointer,
                violation.reason.as_str(),
                violation.description,
            );
        }
    }

    fn path(&mut self) {
        let (route, input) = (self.route, self.input);
        for (variable, parameter) in &route.variables {
            let Some(text) = input.path.value(variable, input.has_verb) else {
                self.refuse_encoding(parameter.pointer.clone());
                continue;
            };
            let Some(fragment) = self.fragment(parameter, &parameter.pointer, &text) else {
                continue;
            };
            let given = canonical(parameter, &fragment);
            if self.is_in_body(parameter) && canonical(parameter, self.message()) != given {
                self.refuse(
                    parameter.pointer.clone(),
                    "CONFLICT",
                    "the path says something else than the body",
                );
                continue;
            }
            self.add(parameter, &fragment);
            self.paths.push((parameter, given));
        }
    }

    /// Whether the body says something of a field; of one without presence its default is not on the wire.
    fn is_in_body(&self, parameter: &Parameter) -> bool {
        let parents = match &self.route.body {
            Body::Whole => 0,
            Body::Field { field, .. } if field.descriptor().number() == parameter.top => 1,
            Body::None | Body::Field { .. } => return false,
        };
        let field = &parameter.field;
        field.is_set(self.message()).unwrap_or(false)
            || !field.descriptor().supports_presence() && field.is_named(self.input.body, parents)
    }

    /// `Last-Event-ID` in place of the query's own parameter.
    fn resume(&mut self) {
        let (Some(parameter), Some(id)) = (&self.route.rpc.resume, self.input.resume) else {
            return;
        };
        match std::str::from_utf8(id) {
            Ok(text) => {
                if let Some(fragment) = self.fragment(parameter, &parameter.pointer, text) {
                    self.add(parameter, &fragment);
                }
            }
            Err(_) => self.refuse_encoding(parameter.pointer.clone()),
        }
    }

    /// One value as the wire fragment of its field; `pointer` says where it stands.
    fn fragment(&mut self, parameter: &Parameter, pointer: &str, text: &str) -> Option<Vec<u8>> {
        let mut fragment = Vec::new();
        let Err(error) = parameter.field.text_to_wire(text, &mut fragment) else {
            return Some(fragment);
        };
        for violation in error.into_violations() {
            self.refuse(
                pointer.to_owned(),
                violation.reason.as_str(),
                violation.description,
            );
        }
        None
    }

    /// Adds a value, unless another member of its oneof is there.
    fn add(&mut self, parameter: &Parameter, fragment: &[u8]) {
        let wire = self.message();
        if parameter
            .rivals
            .iter()
            .any(|rival| rival.is_set(wire).unwrap_or(false))
        {
            let reason = Reason::OneofConflict.as_str();
            return self.refuse(
                parameter.pointer.clone(),
                reason,
                "another member of its oneof is set",
            );
        }
        self.wire.extend_from_slice(fragment);
    }

    fn refuse(&mut self, field: String, reason: &'static str, description: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                field,
                reason,
                description: description.into(),
            });
        }
    }

    fn refuse_encoding(&mut self, field: String) {
        let reason = Reason::InvalidValue.as_str();
        self.refuse(field, reason, "is not percent-encoded UTF-8");
    }

    fn message(&self) -> &[u8] {
        &self.wire[FRAME_HEADER_BYTES..]
    }

    fn finish(mut self) -> Result<Vec<u8>, Error> {
        if self.is_too_large {
            return Err(Error::TooLarge);
        }
        if !self.violations.is_empty() {
            return Err(Error::Invalid(self.violations));
        }
        let Ok(length) = u32::try_from(self.message().len()) else {
            return Err(Error::TooLarge);
        };
        self.wire[1..FRAME_HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok(self.wire)
    }
}

/// The text that is the same for all spellings of a value.
fn canonical(parameter: &Parameter, wire: &[u8]) -> Option<String> {
    parameter.field.to_text(wire).ok().flatten()
}

/// Names and values of a query string, still encoded. Empty pairs are skipped.
fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// A name for a pointer: as it was meant if it can be read, else as it was written.
fn readable(name: &str) -> Cow<'_, str> {
    crate::route::decode::query(name).unwrap_or(Cow::Borrowed(name))
}
