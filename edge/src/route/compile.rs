//! Compiles the HTTP rules of one method, and says what is wrong with one.

use std::sync::Arc;

use http::Method;
use http::uri::PathAndQuery;
use postern_protojson::Message;
use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};
use prost_types::method_options::IdempotencyLevel;

use super::parameter::{Parameter, Parameters};
use super::template::{self, Template};
use super::{Body, Query, Raw, Response, Route, Rpc, Streams};
use crate::descriptors::Descriptors;
use crate::rule::{HttpRule, Pattern, Source};
use crate::service_config::Fault;

/// Why a descriptor set cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{rpc}: the option {option} cannot be read")]
    Option {
        rpc: String,
        option: &'static str,
        #[source]
        source: prost::DecodeError,
    },
    #[error("{rpc}: `{template}` is no path template: {source}")]
    Template {
        rpc: String,
        template: String,
        source: template::Error,
    },
    #[error(transparent)]
    ServiceConfig(#[from] Fault),
    #[error("{rpc}: {problem}")]
    Rule { rpc: String, problem: String },
    #[error("{method} `{template}` of {rpc} conflicts with `{other_template}` of {other_rpc}")]
    Conflict {
        method: String,
        template: String,
        rpc: String,
        other_template: String,
        other_rpc: String,
    },
}

/// A route and its place.
pub(crate) struct Binding {
    pub(crate) template: Template,
    pub(crate) route: Route,
}

/// The bindings of a method: its rule and the rule's additional ones, one level deep; or what is wrong with each.
pub(crate) fn bindings(descriptors: &Descriptors, method: &MethodDescriptor) -> Vec<Result<Binding, Error>> {
    let name = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let (rule, source) = match descriptors.http_rule(method) {
        Ok(Some(found)) => found,
        Ok(None) => return Vec::new(),
        Err(source) => {
            return vec![Err(Error::Option {
                rpc: name,
                option: "google.api.http",
                source,
            })];
        }
    };
    let compiler = match Compiler::new(descriptors, method, &name, source) {
        Ok(compiler) => compiler,
        Err(problem) => return vec![Err(problem)],
    };
    let additional =
        rule.additional_bindings
            .iter()
            .map(|additional| match additional.additional_bindings.is_empty() {
                true => compiler.binding(additional),
                false => Err(compiler.problem("additional_bindings are one level deep")),
            });
    std::iter::once(compiler.binding(&rule))
        .chain(additional)
        .collect()
}

/// What all bindings of a method share.
struct Compiler {
    rpc: Arc<Rpc>,
    source: Source,
    input: MessageDescriptor,
    request: Message,
    output: MessageDescriptor,
    response: Message,
}

impl Compiler {
    fn new(
        descriptors: &Descriptors,
        method: &MethodDescriptor,
        name: &str,
        source: Source,
    ) -> Result<Self, Error> {
        let problem = |problem: String| Error::Rule {
            rpc: name.to_owned(),
            problem,
        };
        let (input, output) = (method.input(), method.output());
        let stream = descriptors.stream_rule(method).map_err(|source| Error::Option {
            rpc: name.to_owned(),
            option: "postern.edge.v1.stream",
            source,
        })?;
        let stream = stream.unwrap_or_default();
        let request = descriptors.codec.message(&input);
        let response = descriptors.codec.message(&output);
        let rpc = Rpc {
            path: PathAndQuery::try_from(name)
                .map_err(|error| problem(format!("its name is no path: {error}")))?,
            streams: Streams::of(method),
            is_idempotent: is_idempotent(method),
            event_id: named(&stream.event_id_field, |path| {
                response
                    .field(path)
                    .ok_or_else(|| problem(format!("event_id_field names no field: {path}")))
            })?,
            resume: named(&stream.resume_field, |path| {
                Parameter::resolve(&request, &input, path)
                    .map_err(|unknown| problem(format!("resume_field names no field: {unknown}")))
            })?,
            request: request.clone(),
        };
        Ok(Self {
            rpc: Arc::new(rpc),
            source,
            input,
            request,
            output,
            response,
        })
    }

    fn binding(&self, rule: &HttpRule) -> Result<Binding, Error> {
        let (method, path) = self.pattern(rule)?;
        let template = Template::parse(path).map_err(|source| Error::Template {
            rpc: self.located(),
            template: path.to_owned(),
            source,
        })?;
        let variables = template
            .variables
            .iter()
            .map(|variable| Ok((variable.clone(), self.variable(&variable.path)?)))
            .collect::<Result<Vec<_>, Error>>()?;
        let raw_body = Raw::find(&self.input, &rule.body);
        if raw_body.is_some() && rule.body == "*" && !variables.is_empty() {
            return Err(
                self.problem("a raw body is the whole request, and leaves nothing for path variables")
            );
        }
        let raw_response = match rule.response_body.as_str() {
            "" => Raw::find(&self.output, "*"),
            field => Raw::find(&self.output, field),
        };
        let route = Route {
            rpc: self.rpc.clone(),
            source: self.source,
            method,
            template: path.to_owned(),
            variables,
            body: self.body(rule)?,
            query: self.query(rule),
            response: self.response(rule)?,
            raw_body,
            raw_response,
        };
        Ok(Binding { template, route })
    }

    fn pattern<'r>(&self, rule: &'r HttpRule) -> Result<(Option<Method>, &'r str), Error> {
        let (method, path) = match &rule.pattern {
            Some(Pattern::Get(path)) => (Method::GET, path),
            Some(Pattern::Put(path)) => (Method::PUT, path),
            Some(Pattern::Post(path)) => (Method::POST, path),
            Some(Pattern::Delete(path)) => (Method::DELETE, path),
            Some(Pattern::Patch(path)) => (Method::PATCH, path),
            Some(Pattern::Custom(custom)) if custom.kind == "*" => return Ok((None, &custom.path)),
            Some(Pattern::Custom(custom)) => match Method::from_bytes(custom.kind.as_bytes()) {
                Ok(method) => (method, &custom.path),
                Err(_) => return Err(self.problem(&format!("`{}` is no HTTP method", custom.kind))),
            },
            None => return Err(self.problem("its rule has no method and path")),
        };
        Ok((Some(method), path))
    }

    /// A field that a path can set: neither repeated nor a message without a string form.
    fn variable(&self, path: &str) -> Result<Parameter, Error> {
        let parameter = Parameter::resolve(&self.request, &self.input, path)
            .map_err(|unknown| self.problem(&format!("a path variable names no field: {unknown}")))?;
        if parameter.is_repeated || parameter.is_map {
            return Err(self.problem(&format!("the path variable `{path}` is a repeated field")));
        }
        if let Kind::Message(message) = parameter.field.descriptor().kind()
            && !has_string_form(message.full_name())
        {
            return Err(self.problem(&format!("the path variable `{path}` is a message")));
        }
        Ok(parameter)
    }

    fn body(&self, rule: &HttpRule) -> Result<Body, Error> {
        let field = match rule.body.as_str() {
            "" => return Ok(Body::None),
            "*" => return Ok(Body::Whole),
            name => self
                .input
                .get_field_by_name(name)
                .and_then(|_| self.request.field(name)),
        };
        let Some(field) = field else {
            return Err(self.problem(&format!("body names no field of the request: {}", rule.body)));
        };
        // No body is `{}`; where that is no value of the field (a list, a scalar) the field stays unset.
        let mut empty = Vec::new();
        if field.json_to_wire(b"{}", &mut empty).is_err() {
            empty.clear();
        }
        Ok(Body::Field { field, empty })
    }

    fn query(&self, rule: &HttpRule) -> Query {
        match rule.body.as_str() {
            "*" => Query::None,
            _ => Query::Fields(Parameters::compile(&self.request, &self.input)),
        }
    }

    fn response(&self, rule: &HttpRule) -> Result<Response, Error> {
        let name = rule.response_body.as_str();
        if name.is_empty() {
            return Ok(Response::Whole(self.response.clone()));
        }
        let field = self
            .output
            .get_field_by_name(name)
            .and_then(|_| self.response.field(name));
        field
            .map(Response::Field)
            .ok_or_else(|| self.problem(&format!("response_body names no field of the response: {name}")))
    }

    fn problem(&self, problem: &str) -> Error {
        Error::Rule {
            rpc: self.located(),
            problem: problem.to_owned(),
        }
    }

    fn located(&self) -> String {
        self.source.locate(self.rpc.path.as_str())
    }
}

fn named<T>(path: &str, find: impl Fn(&str) -> Result<T, Error>) -> Result<Option<T>, Error> {
    match path {
        "" => Ok(None),
        path => find(path).map(Some),
    }
}

/// `NO_SIDE_EFFECTS` and `IDEMPOTENT` (google/protobuf/descriptor.proto).
fn is_idempotent(method: &MethodDescriptor) -> bool {
    let options = method.method_descriptor_proto().options.as_ref();
    options.is_some_and(|options| options.idempotency_level() != IdempotencyLevel::IdempotencyUnknown)
}

fn has_string_form(message: &str) -> bool {
    let Some(name) = message.strip_prefix("google.protobuf.") else {
        return false;
    };
    name.ends_with("Value") && name != "Value" && name != "ListValue"
        || matches!(name, "Timestamp" | "Duration" | "FieldMask")
}
