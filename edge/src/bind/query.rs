//! Query parameters: fields of the request that neither path nor body set (google/api/http.proto).

use std::collections::HashMap;

use postern_protojson::Reason;

use super::{Binding, VIOLATIONS_MAX, canonical, pairs, readable};
use crate::route::{Body, Parameter, Parameters, Route, decode, pointer};

/// Parameters that one request may have; each costs a look-up.
const PARAMETERS_MAX: usize = 1_000;

/// Messages that a name may lead through.
const DEPTH_MAX: usize = 32;

impl Binding<'_> {
    /// `body: "*"` leaves no field for the query.
    pub(super) fn no_query(&mut self) {
        for (name, _) in pairs(self.input.query.unwrap_or("")).take(VIOLATIONS_MAX) {
            let field = pointer(readable(name).split('.'));
            let reason = Reason::UnknownField.as_str();
            self.refuse(
                field,
                reason,
                "this method takes no query parameters: the body is the whole message",
            );
        }
    }

    pub(super) fn query(&mut self, parameters: &Parameters) {
        let mut lengths = HashMap::new();
        for (index, (name, value)) in pairs(self.input.query.unwrap_or("")).enumerate() {
            if index == PARAMETERS_MAX {
                return self.refuse(
                    String::new(),
                    "TOO_MANY_PARAMETERS",
                    "at most 1000 query parameters",
                );
            }
            let name = readable(name);
            if name.split('.').count() > DEPTH_MAX {
                self.refuse(
                    String::new(),
                    Reason::TooDeep.as_str(),
                    "a query parameter's name is too deep",
                );
                continue;
            }
            match parameters.find(&name) {
                Ok(parameter) => {
                    let pointer = value_pointer(&parameter, &mut lengths);
                    self.parameter(&parameter, pointer, value);
                }
                Err(pointer) => {
                    self.refuse(
                        pointer,
                        Reason::UnknownField.as_str(),
                        "there is no such query parameter",
                    );
                }
            }
        }
    }

    /// One value, that stands at `pointer` in the message.
    fn parameter(&mut self, parameter: &Parameter, pointer: String, value: &str) {
        if let Body::Field { field: body, .. } = &self.route.body
            && body.descriptor().number() == parameter.top
        {
            return self.refuse(pointer, "CONFLICT", "the body is this field");
        }
        if !parameter.is_repeated && !self.seen.insert(pointer.clone()) {
            return self.refuse(pointer, Reason::DuplicateField.as_str(), "may be given once");
        }
        if self.input.resume.is_some() && is_resume(self.route, parameter) {
            return;
        }
        let Some(text) = decode::query(value) else {
            return self.refuse_encoding(pointer);
        };
        let Some(fragment) = self.fragment(parameter, &pointer, &text) else {
            return;
        };
        let path = self
            .paths
            .iter()
            .find(|(path, _)| path.pointer == parameter.pointer);
        match path {
            None => self.add(parameter, &fragment),
            Some((_, text)) if *text == canonical(parameter, &fragment) => {}
            Some(_) => self.refuse(pointer, "CONFLICT", "the path says something else than the query"),
        }
    }
}

/// Where a value stands in the message: in a list, as its next element.
fn value_pointer(parameter: &Parameter, lengths: &mut HashMap<String, usize>) -> String {
    if !parameter.is_repeated || parameter.is_map {
        return parameter.pointer.clone();
    }
    let length = lengths.entry(parameter.pointer.clone()).or_default();
    let index = *length;
    *length += 1;
    format!("{}/{index}", parameter.pointer)
}

/// `Last-Event-ID` takes this parameter's place.
fn is_resume(route: &Route, parameter: &Parameter) -> bool {
    route
        .rpc
        .resume
        .as_ref()
        .is_some_and(|resume| resume.pointer == parameter.pointer)
}
