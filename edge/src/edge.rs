//! The service: tells the protocols apart, and hands each request to its own way.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use http_body::Body as _;
use tower::{BoxError, Service};

use crate::access::Access;
use crate::body::Body;
use crate::call::Upstream;
use crate::compress;
use crate::config::{Config, Error};
use crate::core::{Core, HEALTH};
use crate::cors;
use crate::drain;
use crate::load::Load;
use crate::problem::Problem;
use crate::route::Path;
use crate::{passthrough, rest};

/// An edge in front of the upstream `U`. Cheap to clone; made by [`Config::build`](crate::Config::build).
#[derive(Debug, Clone)]
pub struct Edge<U> {
    shared: Arc<Shared>,
    upstream: U,
}

/// What all clones of an edge share.
#[derive(Debug)]
struct Shared {
    /// Calls keep the one that they began with.
    core: RwLock<Arc<Core>>,
    config: Config,
}

/// The protocol a request is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Grpc,
    GrpcWeb,
    Rest,
    Health,
}

impl Config {
    /// Compiles the routes of the descriptor set and puts the edge in front of an upstream.
    ///
    /// # Errors
    /// An unreadable descriptor set or service config; a template or rule that is invalid; two that conflict.
    pub fn build<U>(self, upstream: U) -> Result<Edge<U>, Error> {
        let limits = &self.limits;
        let load = Load::new(limits.calls_max, limits.streams_max, limits.bodies_bytes_max);
        let (set, service_config) = (self.descriptor_set.clone(), self.service_config.as_deref());
        let core = Core::compile(&self, set, service_config, load)?;
        let shared = Shared {
            core: RwLock::new(Arc::new(core)),
            config: self,
        };
        Ok(Edge {
            shared: Arc::new(shared),
            upstream,
        })
    }
}

impl<U> Edge<U> {
    /// Serves another descriptor set, with this service config or none, from the next call on, and all else as it was. They
    /// are compiled first: what cannot be served changes nothing. Clones of the edge change with it.
    ///
    /// # Errors
    /// As [`Config::build`](crate::Config::build).
    pub fn reload(&self, descriptor_set: Bytes, service_config: Option<&str>) -> Result<(), Error> {
        let load = self.core().load().clone();
        let core = Core::compile(&self.shared.config, descriptor_set, service_config, load)?;
        let core = Arc::new(core);
        *self.shared.core.write().unwrap_or_else(PoisonError::into_inner) = core;
        Ok(())
    }

    fn core(&self) -> Arc<Core> {
        let core = self.shared.core.read();
        core.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<U, B> Service<Request<B>> for Edge<U>
where
    U: Upstream,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let request = request.map(tonic::body::Body::new);
        let answer = answer(self.core(), self.upstream.clone(), request);
        Box::pin(async move { Ok(answer.await) })
    }
}

async fn answer<U: Upstream>(
    core: Arc<Core>,
    upstream: U,
    request: Request<tonic::body::Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (body, home) = drain::lend(head.version, &head.headers, body);
    let is_head = head.method == Method::HEAD;
    let request = Request::from_parts(head, body);
    let granted = core.cors().grant(request.headers());
    let shared = core.clone();
    let protocol = Protocol::of(&request, &core);
    let access = Access::begin(&core, &request, protocol.name());
    let mut response = match protocol {
        Protocol::Rest
            if granted.is_some()
                && let Some(asked) = cors::asked(&request) =>
        {
            let methods = core.routes().allowed(&Path::split(request.uri().path()), &asked);
            core.cors().preflight(methods).map(|()| Body::empty())
        }
        Protocol::Rest => match core.shelf().find(request.uri().path()) {
            Some(document) => match document.answer(request.method(), request.headers()) {
                Ok(response) => compress::apply(request.headers(), response.map(Body::from)),
                Err(problem) => refuse(&core, &problem),
            },
            None => rest::answer(core, upstream, request).await,
        },
        Protocol::Health if matches!(*request.method(), Method::GET | Method::HEAD) => {
            Response::new(Bytes::from_static(b"ok")).map(Body::from)
        }
        Protocol::Health => refuse(&core, &Problem::method_not_allowed(&[Method::GET, Method::HEAD])),
        Protocol::Grpc | Protocol::GrpcWeb if request.method() != Method::POST => {
            refuse(&core, &Problem::method_not_allowed(&[Method::POST]))
        }
        Protocol::Grpc if request.version() < Version::HTTP_2 => refuse(
            &core,
            &Problem::unsupported_media_type("grpc needs HTTP/2; over HTTP/1.1 use application/grpc-web"),
        ),
        Protocol::Grpc => passthrough::grpc(core, upstream, request).await,
        Protocol::GrpcWeb => passthrough::web(core, upstream, request).await,
    };
    shared.cors().apply(granted, response.headers_mut());
    if is_head {
        take_body(&mut response);
    }
    let response = match home {
        Some(home) => response.map(|body| drain::behind(body, home)),
        None => response,
    };
    match access {
        Some(access) => access.answered(response),
        None => response,
    }
}

/// HEAD has the headers of GET, and no body (RFC 9110, section 9.3.2).
fn take_body(response: &mut Response<Body>) {
    if let Some(bytes) = response.body().size_hint().exact().filter(|bytes| *bytes > 0) {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    *response.body_mut() = Body::empty();
}

fn refuse(core: &Core, problem: &Problem) -> Response<Body> {
    problem.to_response(core.details()).map(Body::from)
}

impl Protocol {
    fn of<B>(request: &Request<B>, core: &Core) -> Self {
        if let Some(protocol) = content_type(request.headers()).and_then(Self::of_type) {
            return protocol;
        }
        match request.uri().path() == HEALTH && core.has_health() {
            true => Self::Health,
            false => Self::Rest,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Rest | Self::Health => "rest",
        }
    }

    /// `application/grpc`, alone or followed by `+proto` or parameters, and the same for gRPC-Web.
    fn of_type(text: &[u8]) -> Option<Self> {
        let ends = |rest: &[u8]| matches!(rest.first(), None | Some(b'+' | b';' | b' '));
        let rest = behind(text, b"application/grpc")?;
        if ends(rest) {
            return Some(Self::Grpc);
        }
        let rest = behind(rest, b"-web")?;
        let rest = behind(rest, b"-text").unwrap_or(rest);
        ends(rest).then_some(Self::GrpcWeb)
    }
}

/// What follows this beginning, in capitals or not.
fn behind<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (given, rest) = text.split_at_checked(start.len())?;
    given.eq_ignore_ascii_case(start).then_some(rest)
}

fn content_type(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_apart_by_content_type() {
        for (text, protocol) in [
            ("application/grpc", Some(Protocol::Grpc)),
            ("application/grpc+proto", Some(Protocol::Grpc)),
            ("application/grpc;v=1", Some(Protocol::Grpc)),
            ("Application/GRPC", Some(Protocol::Grpc)),
            ("application/grpc-web", Some(Protocol::GrpcWeb)),
            ("application/gRPC-Web-Text", Some(Protocol::GrpcWeb)),
            ("application/grpc-web-text+proto", Some(Protocol::GrpcWeb)),
            ("application/grpc-websocket", None),
            ("application/grpcx", None),
            ("application/json", None),
        ] {
            assert_eq!(Protocol::of_type(text.as_bytes()), protocol, "{text}");
        }
    }
}
