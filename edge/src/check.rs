//! What a descriptor set would be served as, with a service config or without: its route table, and everything that is wrong with it at once.
//!
//! For people and for CI; an edge itself refuses at the first problem.

use std::borrow::Cow;
use std::fmt;

use http::Method;
use postern_protojson::Options;

use crate::config::Error;
use crate::descriptors::Descriptors;
use crate::route::{Body, Response, Route, Routes};
pub use crate::rule::Source;

/// What [`check`] found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Every binding that can be served, in the order of the descriptor set.
    pub routes: Vec<Binding>,
    /// Everything that an edge would refuse to start with, one sentence each, naming methods and templates.
    pub problems: Vec<String>,
}

/// One HTTP binding of a method, as its rule says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The HTTP method, `*` for every one.
    pub method: String,
    /// The path template.
    pub template: String,
    /// `*`, the name of a field of the request, or empty where there is no body.
    pub body: String,
    /// The field of the response that is printed, or empty for all of it.
    pub response_body: String,
    /// `/package.Service/Method`.
    pub rpc: String,
    /// Whether it answers with a stream of messages.
    pub is_stream: bool,
    /// Where the rule stands.
    pub source: Source,
}

/// Compiles the routes of an encoded `google.protobuf.FileDescriptorSet`, and of the text of a service config if there is
/// one, and collects all problems.
///
/// # Errors
/// [`Error::DescriptorSet`], [`Error::ServiceConfig`]: one of them cannot be read, so there are no routes to speak of.
pub fn check(descriptor_set: &[u8], service_config: Option<&str>) -> Result<Report, Error> {
    let descriptors =
        Descriptors::load(descriptor_set, Options::default())?.with_service_config(service_config)?;
    let (routes, problems) = Routes::survey(&descriptors);
    Ok(Report {
        routes: routes.iter().map(Binding::of).collect(),
        problems: problems.iter().map(ToString::to_string).collect(),
    })
}

impl Binding {
    fn of(route: &Route) -> Self {
        let body = match &route.body {
            Body::None => "",
            Body::Whole => "*",
            Body::Field { field, .. } => field.descriptor().name(),
        };
        let response_body = match &route.response {
            Response::Whole(_) => "",
            Response::Field(field) => field.descriptor().name(),
        };
        Self {
            method: route.method.as_ref().map_or("*", Method::as_str).to_owned(),
            template: route.template.clone(),
            body: body.to_owned(),
            response_body: response_body.to_owned(),
            rpc: route.rpc.path.to_string(),
            is_stream: route.rpc.streams.answers,
            source: route.source,
        }
    }

    fn cells(&self) -> [Cow<'_, str>; 7] {
        let stream = if self.is_stream { "stream" } else { "" };
        let source = match self.source {
            Source::Annotation => Cow::default(),
            Source::ServiceConfig { line } => format!("service config, line {line}").into(),
        };
        [
            self.method.as_str().into(),
            self.template.as_str().into(),
            self.body.as_str().into(),
            self.response_body.as_str().into(),
            self.rpc.as_str().into(),
            stream.into(),
            source,
        ]
    }
}

impl fmt::Display for Report {
    /// The table in aligned columns, then the problems.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["METHOD", "TEMPLATE", "BODY", "RESPONSE BODY", "RPC", "", ""].map(Cow::from);
        let rows = || std::iter::once(head.clone()).chain(self.routes.iter().map(Binding::cells));
        let widths: [usize; 7] =
            std::array::from_fn(|column| rows().map(|row| row[column].len()).max().unwrap_or(0));
        for row in rows() {
            let padded: Vec<_> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "{}", padded.join("  ").trim_end())?;
        }
        write!(f, "\n{} routes", self.routes.len())?;
        match self.problems.len() {
            0 => write!(f, ", no problems"),
            1 => write!(f, ", 1 problem:"),
            count => write!(f, ", {count} problems:"),
        }?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}
