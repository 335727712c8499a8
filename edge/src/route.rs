//! The routes: what HTTP rules make of the methods of a descriptor set, compiled once at start.
//!
//! Refuses what is invalid or conflicts, naming both sides. Knows nothing of requests in flight.

mod compile;
pub(crate) mod decode;
mod parameter;
mod path;
mod raw;
mod template;
mod trie;

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use http::uri::PathAndQuery;
use postern_protojson::{FieldPath, Message};
use prost_reflect::MethodDescriptor;

use crate::descriptors::Descriptors;
use crate::rule::Source;
pub(crate) use compile::Error;
pub(crate) use parameter::{Parameter, Parameters, pointer};
pub(crate) use path::Path;
pub(crate) use raw::{HttpBody, Raw};
pub(crate) use template::{Segment, Template, Variable};
pub(crate) use trie::Found;
use trie::Trie;

/// All routes.
#[derive(Debug)]
pub(crate) struct Routes {
    trie: Trie,
    routes: Vec<Route>,
    /// Every method of the set by its gRPC path.
    methods: HashMap<String, Known>,
}

/// A method of the set.
#[derive(Debug)]
struct Known {
    /// `package.Service/Method`.
    name: Arc<str>,
    streams: Streams,
}

/// One HTTP binding of a method.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) rpc: Arc<Rpc>,
    /// Where its rule stands.
    pub(crate) source: Source,
    /// None serves every method.
    pub(crate) method: Option<Method>,
    pub(crate) template: String,
    pub(crate) variables: Vec<(Variable, Parameter)>,
    pub(crate) body: Body,
    pub(crate) query: Query,
    pub(crate) response: Response,
    /// Where the body goes if it is bytes as they are, and no JSON.
    pub(crate) raw_body: Option<Raw>,
    /// Where the answer's bytes stand if they are passed on as they are.
    pub(crate) raw_response: Option<Raw>,
}

/// What there may be more than one of in a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams {
    pub(crate) requests: bool,
    pub(crate) answers: bool,
}

/// A method of the upstream.
#[derive(Debug)]
pub(crate) struct Rpc {
    /// `/package.Service/Method`.
    pub(crate) path: PathAndQuery,
    pub(crate) request: Message,
    pub(crate) streams: Streams,
    /// Whether `idempotency_level` says that a second call does no harm.
    pub(crate) is_idempotent: bool,
    /// The response field that is an event's id.
    pub(crate) event_id: Option<FieldPath>,
    /// The request field that takes `Last-Event-ID`.
    pub(crate) resume: Option<Parameter>,
}

/// The methods that are listed where every one is served.
const USUAL: [Method; 6] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// What the body of a request is.
#[derive(Debug)]
pub(crate) enum Body {
    /// There must be none.
    None,
    /// The request message.
    Whole,
    /// One field of it, and what no body at all stands for.
    Field { field: FieldPath, empty: Vec<u8> },
}

/// Which query parameters there may be.
#[derive(Debug)]
pub(crate) enum Query {
    /// None: the body is the whole message.
    None,
    /// Fields of the message, the top ones compiled.
    Fields(Parameters),
}

/// What of the response message is printed.
#[derive(Debug)]
pub(crate) enum Response {
    Whole(Message),
    Field(FieldPath),
}

impl Streams {
    pub(crate) fn of(method: &MethodDescriptor) -> Self {
        Self {
            requests: method.is_client_streaming(),
            answers: method.is_server_streaming(),
        }
    }

    /// Whether there is any.
    pub(crate) const fn any(self) -> bool {
        self.requests || self.answers
    }
}

impl Route {
    /// Its method, and where its rule stands if that is not there.
    fn located(&self) -> String {
        self.source.locate(self.rpc.path.as_str())
    }
}

impl Response {
    /// Appends the JSON of a response message.
    pub(crate) fn to_json(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), postern_protojson::Error> {
        match self {
            Self::Whole(message) => message.to_json(wire, out),
            Self::Field(field) => field.to_json(wire, out),
        }
    }
}

impl Routes {
    /// Compiles every binding of every method, or tells the first problem.
    pub(crate) fn compile(descriptors: &Descriptors) -> Result<Self, Error> {
        let (routes, problems) = Self::survey(descriptors);
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(routes),
        }
    }

    /// Compiles every binding that can be, and tells every problem of the others.
    pub(crate) fn survey(descriptors: &Descriptors) -> (Self, Vec<Error>) {
        let mut problems: Vec<_> = descriptors.faults().into_iter().map(Error::from).collect();
        let mut routes = Self {
            trie: Trie::default(),
            routes: Vec::new(),
            methods: HashMap::new(),
        };
        for service in descriptors.pool.services() {
            for method in service.methods() {
                let name = format!("{}/{}", service.full_name(), method.name());
                let known = Known {
                    streams: Streams::of(&method),
                    name: name.as_str().into(),
                };
                routes.methods.insert(format!("/{name}"), known);
                for binding in compile::bindings(descriptors, &method) {
                    problems.extend(binding.and_then(|binding| routes.add(binding)).err());
                }
            }
        }
        (routes, problems)
    }

    /// The route of a request, and whether its path ends in a verb.
    pub(crate) fn find(&self, path: &Path<'_>, method: &Method) -> Found {
        self.trie.find(path, method)
    }

    /// What `Allow` says of a path to a caller who asks for this method; HEAD goes with a GET that is no stream. Where every
    /// method is served, it is the usual ones and the one that is asked for.
    pub(crate) fn allowed(&self, path: &Path<'_>, asked: &Method) -> Vec<Method> {
        let mut allowed = Vec::new();
        let mut allow = |method: &Method| {
            if !allowed.contains(method) {
                allowed.push(method.clone());
            }
        };
        for (method, index) in self.trie.methods(path) {
            let is_get = method.as_ref().is_none_or(|method| *method == Method::GET);
            match &method {
                Some(method) => allow(method),
                None => USUAL.iter().for_each(&mut allow),
            }
            if is_get && !self.routes[index].rpc.streams.answers {
                allow(&Method::HEAD);
            }
            if method.is_none() && *asked != Method::HEAD {
                allow(asked);
            }
        }
        allowed
    }

    /// Every route, in the order of the descriptor set.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    pub(crate) fn get(&self, index: usize) -> &Route {
        &self.routes[index]
    }

    /// What a gRPC path streams, if it is a method of the set.
    pub(crate) fn grpc_method(&self, path: &str) -> Option<Streams> {
        self.methods.get(path).map(|known| known.streams)
    }

    /// What is called at this path, by gRPC or by the route of an HTTP method.
    pub(crate) fn name(&self, method: &Method, path: &str) -> Option<Arc<str>> {
        let known = self
            .methods
            .get(path)
            .or_else(|| match self.find(&Path::split(path), method) {
                Found::Route { index, .. } => self.methods.get(self.get(index).rpc.path.as_str()),
                Found::OtherMethods | Found::Nothing => None,
            });
        known.map(|known| known.name.clone())
    }

    fn add(&mut self, binding: compile::Binding) -> Result<(), Error> {
        let index = self.routes.len();
        let method = binding.route.method.as_ref();
        if let Err(other) = self.trie.insert(&binding.template, method, index) {
            let other = &self.routes[other];
            return Err(Error::Conflict {
                method: method.map_or("*", Method::as_str).to_owned(),
                rpc: binding.route.located(),
                template: binding.route.template,
                other_template: other.template.clone(),
                other_rpc: other.located(),
            });
        }
        self.routes.push(binding.route);
        Ok(())
    }
}
