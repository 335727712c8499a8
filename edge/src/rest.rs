//! A REST call from its head to its answer: route, take in, bind, call, render.
//!
//! Each step may end it with a problem; all of them become an answer in one place.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::bind::{self, Input};
use crate::body::Body;
use crate::call::{self, Upstream};
use crate::edge::Core;
use crate::metadata::{self, REQUEST_ID};
use crate::problem::Problem;
use crate::receive;
use crate::render::{self, Form};
use crate::route::{self, Found, Path, Route};
use crate::serve::Shutdown;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A server that cancels at the deadline is this much ahead of the edge, at most.
const DEADLINE_SLACK: std::time::Duration = std::time::Duration::from_millis(20);

/// Answers a request, whatever comes.
pub(crate) async fn answer<U: Upstream>(
    core: Arc<Core>,
    upstream: U,
    request: Request<tonic::body::Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let request_id = metadata::request_id(&head.headers);
    let call = Call {
        core: &core,
        head: &head,
        request_id: &request_id,
    };
    let mut response = match call.run(upstream, body).await {
        Ok(response) => response,
        Err(problem) => {
            problem.log(&request_id, head.uri.path());
            problem.to_response(core.details()).map(Body::from)
        }
    };
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}

/// A call in flight.
struct Call<'a> {
    core: &'a Arc<Core>,
    head: &'a Parts,
    request_id: &'a HeaderValue,
}

/// Its route, and how its path and answer are to be read.
struct Target<'a> {
    index: usize,
    route: &'a Route,
    path: Path<'a>,
    has_verb: bool,
    /// `Last-Event-ID`, where the answer is a stream of events that can resume.
    resume: Option<&'a [u8]>,
}

impl<'a> Call<'a> {
    async fn run<U: Upstream>(
        &self,
        upstream: U,
        body: tonic::body::Body,
    ) -> Result<Response<Body>, Problem> {
        self.check_headers()?;
        let mut target = self.route()?;
        if target.route.rpc.is_stream {
            let form = self.form(&mut target)?;
            return self.stream(upstream, &target, form, body).await;
        }
        let deadline = Instant::now() + self.core.limits().unary_timeout;
        match timeout_at(deadline, self.unary(upstream, &target, deadline, body)).await {
            Ok(Err(problem)) if is_late(&problem, deadline) => Err(Problem::deadline_exceeded()),
            Ok(result) => result,
            Err(_) => Err(Problem::deadline_exceeded()),
        }
    }

    fn check_headers(&self) -> Result<(), Problem> {
        // As HTTP/2 counts a header list (RFC 9113, section 6.5.2).
        let bytes: usize = self
            .head
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        let bytes_max = self.core.limits().header_bytes_max;
        match bytes > bytes_max {
            true => Err(Problem::headers_too_large(bytes_max)),
            false => Ok(()),
        }
    }

    fn route(&self) -> Result<Target<'a>, Problem> {
        let routes = self.core.routes();
        let path = Path::split(self.head.uri.path());
        match routes.find(&path, &self.head.method) {
            Found::Route { index, has_verb } => Ok(Target {
                index,
                route: routes.get(index),
                path,
                has_verb,
                resume: None,
            }),
            Found::OtherMethods => Err(Problem::method_not_allowed(&routes.allowed(&path))),
            Found::Nothing => Err(self.nothing()),
        }
    }

    /// No route; but a POST to a gRPC method's path has the wrong content type alone.
    fn nothing(&self) -> Problem {
        let is_method = self.core.routes().grpc_method(self.head.uri.path()).is_some();
        match is_method && self.head.method == Method::POST {
            true => {
                Problem::unsupported_media_type("this path takes application/grpc and application/grpc-web")
            }
            false => Problem::route_not_found(),
        }
    }

    /// The form of a stream, and where it resumes.
    fn form(&self, target: &mut Target<'a>) -> Result<Form, Problem> {
        if self.head.method == Method::HEAD {
            return Err(Problem::method_not_allowed(
                &self.core.routes().allowed(&target.path),
            ));
        }
        let form = Form::negotiate(&self.head.headers).ok_or_else(Problem::not_acceptable)?;
        if form == Form::Sse && target.route.rpc.resume.is_some() {
            let id = self.head.headers.get(LAST_EVENT_ID).map(HeaderValue::as_bytes);
            target.resume = id.filter(|id| !id.is_empty());
        }
        Ok(form)
    }

    async fn unary<U: Upstream>(
        &self,
        upstream: U,
        target: &Target<'_>,
        deadline: Instant,
        body: tonic::body::Body,
    ) -> Result<Response<Body>, Problem> {
        let frame = self.message(target, body).await?;
        let timeout = deadline.saturating_duration_since(Instant::now());
        let request = call::request(&target.route.rpc.path, self.metadata(), frame, Some(timeout));
        let answer = call::open(upstream, request, self.core.limits().message_bytes_max).await?;
        let response = render::unary(target.route, &self.head.method, &self.head.headers, answer).await?;
        Ok(response.map(Body::from))
    }

    async fn stream<U: Upstream>(
        &self,
        upstream: U,
        target: &Target<'_>,
        form: Form,
        body: tonic::body::Body,
    ) -> Result<Response<Body>, Problem> {
        let frame = self.message(target, body).await?;
        let limits = self.core.limits();
        let request = call::request(&target.route.rpc.path, self.metadata(), frame, None);
        let pending = Box::pin(call::open(upstream, request, limits.message_bytes_max));
        let peeked = render::peek(pending, limits.stream_head_wait, limits.first_message_wait).await?;
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        metadata::forward(&peeked.metadata, &mut headers);
        metadata::stream(&peeked.metadata, &mut headers);
        let mut response = Response::new(Body::empty());
        if peeked.is_empty && target.resume.is_some() {
            // Stops a browser's EventSource, which would reconnect for ever.
            *response.status_mut() = StatusCode::NO_CONTENT;
        } else {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
            let stream = render::Stream::new(
                self.core.clone(),
                target.index,
                form,
                peeked,
                self.request_id.clone(),
            );
            *response.body_mut() = stream
                .with_shutdown(self.head.extensions.get::<Shutdown>())
                .into();
        }
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// The framed request message.
    async fn message(&self, target: &Target<'_>, body: tonic::body::Body) -> Result<Vec<u8>, Problem> {
        let limits = self.core.limits().body();
        let body: Bytes = match target.route.body {
            route::Body::None => receive::unexpected(body, limits).await?,
            route::Body::Whole | route::Body::Field { .. } => {
                receive::body(&self.head.headers, body, limits).await?
            }
        };
        let input = Input {
            path: &target.path,
            has_verb: target.has_verb,
            query: self.head.uri.query(),
            body: &body,
            resume: target.resume,
        };
        bind::bind(target.route, &input).map_err(|error| match error {
            bind::Error::Invalid(violations) => Problem::invalid_request(violations),
            bind::Error::TooLarge => Problem::body_too_large(limits.bytes_max),
        })
    }

    fn metadata(&self) -> HeaderMap {
        let mut metadata = HeaderMap::with_capacity(8);
        metadata::allow(&self.head.headers, self.core.request_headers(), &mut metadata);
        metadata.insert(REQUEST_ID, self.request_id.clone());
        metadata
    }
}

/// A server may notice the deadline first, and call it a cancellation.
fn is_late(problem: &Problem, deadline: Instant) -> bool {
    problem.code() == tonic::Code::Cancelled
        && problem.is_bare()
        && Instant::now() + DEADLINE_SLACK >= deadline
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_cancellation_at_the_deadline_is_the_deadline() {
        let status = |code| tonic_types::pb::Status {
            code,
            ..Default::default()
        };
        let problem = |code| Problem::from_upstream(status(code), HeaderMap::new());
        let now = Instant::now();
        assert!(is_late(&problem(1), now));
        assert!(!is_late(&problem(1), now + Duration::from_secs(1)));
        assert!(!is_late(&problem(5), now));
        assert!(!is_late(&Problem::shutting_down(), now));
    }
}
