//! The OpenAPI 3.1 document of the routes: what REST callers may send and what they get, with the comments of the .proto.
//!
//! Made once, from the routes as they were compiled and the descriptors behind them; the same in every build. What OpenAPI
//! 3.1 has no word for (methods of one's own, two templates that it takes for one path) stands under
//! `x-additionalOperations`. Knows no message of any application.

mod behavior;
mod comment;
mod error;
pub(crate) mod model;
mod operation;
mod parameter;
mod path;
mod schema;

use std::collections::{HashMap, HashSet};

use http::Method;
use prost_reflect::{MessageDescriptor, MethodDescriptor};

use self::comment::Comments;
use self::model::{Components, Document, Info, Operation, Ordered, PathItem, SecurityScheme, Server, Tag};
use self::operation::Names;
use self::path::Path;
use self::schema::Schemas;
use crate::about::{Documents, Security};
use crate::descriptors::Descriptors;
use crate::route::{Route, Routes};

/// The methods that OpenAPI 3.1 has a place for.
const METHODS: [Method; 8] = [
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::DELETE,
    Method::OPTIONS,
    Method::HEAD,
    Method::PATCH,
    Method::TRACE,
];

/// The name of the bearer scheme.
const BEARER: &str = "bearer";

/// Makes the document.
pub(crate) fn document(descriptors: &Descriptors, routes: &Routes, about: &Documents) -> Document {
    let comments = Comments::of(&descriptors.pool);
    let bound: Vec<_> = routes
        .iter()
        .filter_map(|route| Some((route, method_of(descriptors, route)?)))
        .collect();
    let mut answers: Vec<MessageDescriptor> = bound.iter().map(|(_, method)| method.output()).collect();
    answers.extend(error::details(&descriptors.pool));
    let requests = bound.iter().map(|(_, method)| method.input()).collect();
    let mut schemas = Schemas::new(&comments, requests, answers);
    let mut paths = Paths::default();
    let mut names = Naming::of(descriptors);
    for (route, method) in &bound {
        let names = names.next(method);
        let path = paths.path(route);
        let operation = operation::operation(route, method, names, &path, &mut schemas);
        paths.add(route, &path, operation);
    }
    let failed = error::schema(&descriptors.pool, &mut schemas);
    let mut schemas = schemas.finish();
    schemas.insert(error::SCHEMA.to_owned(), failed);
    Document {
        openapi: "3.1.1",
        info: Info {
            title: about.title.clone(),
            description: about.description.clone(),
            version: about.version.clone(),
        },
        servers: [Server { url: "/" }],
        security: match about.security {
            Security::Open => Vec::new(),
            Security::Bearer => vec![[(BEARER, [])].into_iter().collect()],
        },
        tags: tags(&bound, &comments, &names),
        paths: paths.items,
        components: Components {
            security_schemes: match about.security {
                Security::Open => Ordered::default(),
                Security::Bearer => {
                    let scheme = SecurityScheme {
                        kind: "http",
                        scheme: "bearer",
                    };
                    [(BEARER, scheme)].into_iter().collect()
                }
            },
            responses: [("Error", error::response())].into_iter().collect(),
            schemas: schemas.into_iter().collect(),
        },
    }
}

/// The method of a route, `/package.Service/Method`.
fn method_of(descriptors: &Descriptors, route: &Route) -> Option<MethodDescriptor> {
    let (service, name) = route.rpc.path.path().strip_prefix('/')?.split_once('/')?;
    let service = descriptors.pool.get_service_by_name(service)?;
    service.methods().find(|method| method.name() == name)
}

/// One tag a service that has routes, in their order.
fn tags(bound: &[(&Route, MethodDescriptor)], comments: &Comments, names: &Naming) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    for (_, method) in bound {
        let service = method.parent_service();
        let name = names.tag(method);
        if tags.iter().all(|tag| tag.name != name) {
            let description = comments.at(&service.parent_file(), service.path()).to_owned();
            tags.push(Tag { name, description });
        }
    }
    tags
}

/// The paths so far.
#[derive(Debug, Default)]
struct Paths {
    items: Ordered<PathItem>,
    /// The first path of each shape, whose names are the names of all.
    shapes: HashMap<String, Path>,
}

impl Paths {
    /// The path of a route, with the names that its shape has already.
    fn path(&mut self, route: &Route) -> Path {
        let mut path = Path::of_route(route);
        let first = self.shapes.entry(path.shape()).or_insert_with(|| path.clone());
        for (slot, first) in path.slots.iter_mut().zip(&first.slots) {
            slot.name.clone_from(&first.name);
        }
        path
    }

    fn add(&mut self, route: &Route, path: &Path, operation: Operation) {
        let item = self.items.entry(&path.text());
        let method = route.method.as_ref().filter(|method| METHODS.contains(method));
        let name = method.map(|method| method.as_str().to_ascii_lowercase());
        match name {
            Some(name) if item.operations.get(&name).is_none() => item.operations.push(name, operation),
            Some(_) | None => {
                let method = route.method.as_ref().map_or("*", Method::as_str);
                item.other.push(format!("{method} {}", route.template), operation);
            }
        }
    }
}

/// Names of services and operations: short where that is clear, in full where it is not.
struct Naming {
    /// Short names that several services have.
    ambiguous: HashSet<String>,
    taken: HashSet<String>,
}

impl Naming {
    fn of(descriptors: &Descriptors) -> Self {
        let mut seen = HashSet::new();
        let services = descriptors.pool.services();
        Self {
            ambiguous: services
                .map(|service| service.name().to_owned())
                .filter(|name| !seen.insert(name.clone()))
                .collect(),
            taken: HashSet::new(),
        }
    }

    fn tag(&self, method: &MethodDescriptor) -> String {
        let service = method.parent_service();
        match self.ambiguous.contains(service.name()) {
            true => service.full_name().to_owned(),
            false => service.name().to_owned(),
        }
    }

    /// The names of a method's next binding; from the second on they are numbered.
    fn next(&mut self, method: &MethodDescriptor) -> Names {
        let tag = self.tag(method);
        let base = format!("{}_{}", tag.replace('.', "_"), method.name());
        let mut id = base.clone();
        let mut number = 2;
        while !self.taken.insert(id.clone()) {
            id = format!("{base}{number}");
            number += 1;
        }
        Names { tag, id }
    }
}
