//! gRPC and gRPC-Web: frames go through undecoded, trailers intact.
//!
//! Only what belongs to one hop is taken away. Errors of the edge are gRPC statuses here.

mod ending;
mod paced;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service, ServiceExt as _};

use crate::call::{self, Upstream};
use crate::core::Core;
use crate::deadline;
use crate::interrupt::Interrupt;
use crate::load::Place;
use crate::metadata::{self, REQUEST_ID};
use crate::problem::Problem;
use crate::receive::PaceLimits;
use crate::requests::Faults;
use crate::route::Streams;
use crate::serve::Shutdown;
use ending::Ending;
use paced::Paced;

/// A gRPC call.
pub(crate) async fn grpc<U: Upstream>(
    core: Arc<Core>,
    upstream: U,
    request: Request<Body>,
) -> Response<crate::Body> {
    let streams = core.routes().grpc_method(request.uri().path());
    let place = match place(&core, streams, &request) {
        Ok(place) => place,
        Err(problem) => return problem.to_grpc(core.details()),
    };
    let is_one_message = streams.is_some_and(|streams| !streams.requests);
    let forward = Forward {
        pace: is_one_message.then(|| core.limits().pace()),
        core,
        upstream,
        streams,
    };
    let response = forward.send(request).await;
    response.map(|body| crate::Body::from(body).holding(place))
}

/// A gRPC-Web call, binary or text: tonic-web around the same.
pub(crate) async fn web<U: Upstream>(
    core: Arc<Core>,
    upstream: U,
    mut request: Request<Body>,
) -> Response<crate::Body> {
    let Some(content_type) = web_type(request.headers().get(CONTENT_TYPE)) else {
        let problem = Problem::unsupported_media_type("grpc-web is taken with protobuf messages alone");
        return problem.to_response(core.details()).map(crate::Body::from);
    };
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if web_type(headers.get(ACCEPT)).is_none() {
        // tonic-web looks here alone; whoever names no form gets the one that it sent.
        headers.insert(ACCEPT, HeaderValue::from_static(content_type));
    }
    let streams = core.routes().grpc_method(request.uri().path());
    let place = match place(&core, streams, &request) {
        Ok(place) => place,
        Err(problem) => return refuse(&core, &problem, web_type(request.headers().get(ACCEPT))),
    };
    let service = GrpcWebLayer::new().layer(Forward {
        // gRPC-Web has no streams of requests.
        pace: Some(core.limits().body().pace),
        core,
        upstream,
        streams,
    });
    let request = request.map(without_size);
    let Ok(mut response) = service.oneshot(request).await;
    response.headers_mut().remove(CONTENT_LENGTH);
    response.map(|body| crate::Body::from(without_size(body)).holding(place))
}

/// A place for the call. What the edge does not know may be a stream.
fn place(core: &Core, streams: Option<Streams>, request: &Request<Body>) -> Result<Place, Problem> {
    let place = core.load().place(streams.is_none_or(Streams::any));
    place.inspect_err(|problem| Log::of(request).tell(problem))
}

/// A status in the head, where no call was made.
fn refuse(core: &Core, problem: &Problem, content_type: Option<&'static str>) -> Response<crate::Body> {
    let mut response = problem.to_grpc(core.details());
    if let Some(content_type) = content_type {
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

/// What the log calls a call.
#[derive(Debug)]
struct Log {
    path: Uri,
    request_id: Option<HeaderValue>,
}

impl Log {
    fn of(request: &Request<Body>) -> Self {
        Self {
            path: request.uri().clone(),
            request_id: request.headers().get(REQUEST_ID).cloned(),
        }
    }

    fn tell(&self, problem: &Problem) {
        let none = HeaderValue::from_static("");
        problem.log(self.request_id.as_ref().unwrap_or(&none), self.path.path());
    }
}

/// The same frames, of unknown size: tonic-web changes what goes through it, and passes the old size on.
fn without_size(body: Body) -> Body {
    Body::new(body.map_frame(|frame| frame))
}

/// The type as tonic-web knows it: without parameters.
fn web_type(value: Option<&HeaderValue>) -> Option<&'static str> {
    let text = value?.to_str().ok()?;
    match text.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/grpc-web" | "application/grpc-web+proto" => Some("application/grpc-web+proto"),
        "application/grpc-web-text" | "application/grpc-web-text+proto" => {
            Some("application/grpc-web-text+proto")
        }
        _ => None,
    }
}

/// The way to the upstream as a service.
#[derive(Clone)]
struct Forward<U> {
    core: Arc<Core>,
    upstream: U,
    /// What the method streams, if the edge knows it.
    streams: Option<Streams>,
    /// Of the request, where it must keep one.
    pace: Option<PaceLimits>,
}

impl<U: Upstream> Service<Request<Body>> for Forward<U> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let response = self.clone().send(request);
        Box::pin(async move { Ok(response.await) })
    }
}

impl<U: Upstream> Forward<U> {
    async fn send(self, request: Request<Body>) -> Response<Body> {
        let log = Log::of(&request);
        let (mut head, body) = request.into_parts();
        let (body, mut faults) = paced(body, self.pace);
        let shutdown = head.extensions.remove::<Shutdown>();
        let deadline = match to_metadata(&mut head.headers) {
            Ok(deadline) => deadline,
            Err(problem) => {
                log.tell(&problem);
                return problem.to_grpc(self.core.details());
            }
        };
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = head
            .uri
            .into_parts()
            .path_and_query
            .map(Uri::from)
            .unwrap_or_default();
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = head.headers;
        let mut response = match faults.or(send(self.upstream, request, deadline)).await {
            Ok(response) => response,
            Err(problem) => {
                log.tell(&problem);
                return problem.to_grpc(self.core.details());
            }
        };
        metadata::strip_hop(response.headers_mut());
        if call::is_ok(response.headers()).is_some() {
            return response;
        }
        let shutdown = shutdown.filter(|_| self.streams.is_some_and(|streams| streams.answers));
        let interrupt = Interrupt::new(faults).at(deadline).on(shutdown.as_ref());
        response.map(|body| Body::new(Ending::new(body, interrupt, self.core, log)))
    }
}

/// Makes the caller's headers those of the call, as they are. Until when it may take.
fn to_metadata(headers: &mut HeaderMap) -> Result<Option<Instant>, Problem> {
    let timeout = deadline::of_grpc(headers).map_err(|deadline::Invalid| {
        Problem::invalid_header("grpc-timeout is not up to eight digits and a unit, such as 10S")
    })?;
    metadata::strip_hop(headers);
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    metadata::separate_binary(headers)?;
    metadata::keep_unindexed(headers);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    Ok(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
}

/// The body in its caller's pace, if it must keep one, and what becomes known of it.
fn paced(body: Body, pace: Option<PaceLimits>) -> (Body, Faults) {
    match pace {
        Some(pace) if !http_body::Body::is_end_stream(&body) => {
            let (body, faults) = Paced::new(body, pace);
            (Body::new(body), faults)
        }
        _ => (body, Faults::default()),
    }
}

/// Waits for the answer's head, until the caller's deadline.
async fn send<U: Upstream>(
    upstream: U,
    request: Request<Body>,
    deadline: Option<Instant>,
) -> Result<Response<Body>, Problem> {
    let response = upstream.send(request);
    let result = match deadline {
        None => response.await,
        Some(deadline) => match timeout_at(deadline, response).await {
            Ok(result) => result,
            Err(_) => return Err(Problem::deadline_exceeded()),
        },
    };
    let response = result.map_err(|error| call::transport(error.as_ref()))?;
    if call::is_ok(response.headers()).is_none() {
        call::check(response.status(), response.headers())?;
    }
    Ok(response)
}
