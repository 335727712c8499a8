//! A REST call from its head to its answer: route, take in, bind, call, render.
//!
//! Each step may end it with a problem; all of them become an answer in one place.

mod outgoing;

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::body::Body;
use crate::call::{self, Upstream};
use crate::compress;
use crate::core::Core;
use crate::deadline;
use crate::interrupt::Interrupt;
use crate::metadata::{self, REQUEST_ID};
use crate::problem::Problem;
use crate::render::{self, Form};
use crate::requests::Faults;
use crate::route::{Found, Path, Route};
use crate::serve::Shutdown;
use outgoing::Outgoing;

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
    compress::apply(&head.headers, response)
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
    /// How a stream of messages is written; None where the answer is one message, or raw bytes.
    form: Option<Form>,
    /// `Last-Event-ID`, where the answer is a stream of events that can resume.
    resume: Option<&'a HeaderValue>,
    /// When the call must have ended.
    deadline: Option<Instant>,
}

impl<'a> Call<'a> {
    async fn run<U: Upstream>(
        &self,
        upstream: U,
        body: tonic::body::Body,
    ) -> Result<Response<Body>, Problem> {
        self.check_headers()?;
        let target = self.target()?;
        let place = self.core.load().place(target.route.rpc.streams.any())?;
        // A stream of messages begins its answer without waiting; what else there is waits so long for its head.
        let longest = || Instant::now() + self.core.limits().unary_timeout;
        let head_deadline = target.deadline.or_else(|| target.form.is_none().then(longest));
        let exchange = self.exchange(upstream, &target, body);
        let result = match head_deadline {
            Some(deadline) => within(deadline, exchange).await,
            None => exchange.await,
        };
        result.map(|response| response.map(|body| body.holding(place)))
    }

    /// The caller's `X-Server-Timeout`, within what is allowed.
    fn deadline(&self, route: &Route) -> Result<Option<Instant>, Problem> {
        let given = deadline::of_rest(&self.head.headers).map_err(|deadline::Invalid| {
            Problem::invalid_header("x-server-timeout is no number of seconds, such as 1.5")
        })?;
        let limits = self.core.limits();
        let streams = route.rpc.streams;
        let longest = match (streams.requests, streams.answers) {
            (true, _) => Some(limits.request_stream_timeout),
            (false, true) => None,
            (false, false) => Some(limits.unary_timeout),
        };
        let timeout = given.into_iter().chain(longest).min();
        Ok(timeout.map(|timeout| Instant::now() + timeout))
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

    fn target(&self) -> Result<Target<'a>, Problem> {
        let routes = self.core.routes();
        let path = Path::split(self.head.uri.path());
        let (index, has_verb) = match routes.find(&path, &self.head.method) {
            Found::Route { index, has_verb } => (index, has_verb),
            Found::OtherMethods => return Err(self.other_methods(&path)),
            Found::Nothing => return Err(self.nothing()),
        };
        let route = routes.get(index);
        let deadline = self.deadline(route)?;
        if route.rpc.streams.answers && self.head.method == Method::HEAD {
            return Err(self.other_methods(&path));
        }
        let form = self.form(route)?;
        Ok(Target {
            index,
            route,
            path,
            has_verb,
            form,
            resume: form.and_then(|form| self.resume(route, form)),
            deadline,
        })
    }

    fn other_methods(&self, path: &Path<'_>) -> Problem {
        Problem::method_not_allowed(&self.core.routes().allowed(path, &self.head.method))
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

    /// How a stream of messages is written. Raw bytes have a form of their own, whatever is accepted.
    fn form(&self, route: &Route) -> Result<Option<Form>, Problem> {
        match route.rpc.streams.answers && route.raw_response.is_none() {
            true => Form::negotiate(&self.head.headers)
                .map(Some)
                .ok_or_else(Problem::not_acceptable),
            false => Ok(None),
        }
    }

    fn resume(&self, route: &Route, form: Form) -> Option<&'a HeaderValue> {
        let can_resume = form == Form::Sse && route.rpc.resume.is_some();
        let id = self.head.headers.get(LAST_EVENT_ID).filter(|_| can_resume);
        id.filter(|id| !id.is_empty())
    }

    /// Sends the request, and begins the answer.
    async fn exchange<U: Upstream>(
        &self,
        upstream: U,
        target: &Target<'_>,
        body: tonic::body::Body,
    ) -> Result<Response<Body>, Problem> {
        let metadata = self.metadata()?;
        let outgoing = outgoing::outgoing(self, target, body).await?;
        let (pending, mut faults) = self.send(upstream, target, metadata, outgoing);
        if let Some(form) = target.form {
            return self.stream(target, form, pending, faults).await;
        }
        if target.route.rpc.streams.answers {
            let download = async {
                render::download(
                    self.core.clone(),
                    target.index,
                    pending.await?,
                    self.request_id.clone(),
                )
                .await
            };
            let response = faults.or(download).await?;
            let interrupt = Interrupt::new(faults).at(target.deadline);
            return Ok(response.map(|download| download.until(interrupt).into()));
        }
        let unary = async {
            render::unary(
                target.route,
                &self.head.method,
                &self.head.headers,
                pending.await?,
            )
            .await
        };
        Ok(faults.or(unary).await?.map(Body::from))
    }

    /// The call, not yet waited for.
    fn send<U: Upstream>(
        &self,
        upstream: U,
        target: &Target<'_>,
        metadata: HeaderMap,
        outgoing: Outgoing,
    ) -> (render::Pending, Faults) {
        let bytes_max = self.core.limits().message_bytes_max;
        let rpc = &target.route.rpc;
        match outgoing {
            Outgoing::Stream(requests, faults) => {
                let body = tonic::body::Body::new(requests);
                let request = call::request(&rpc.path, metadata, body, target.deadline);
                (Box::pin(call::open(upstream, request, bytes_max)), faults)
            }
            Outgoing::Whole(frame, room) => {
                let whole = call::Whole {
                    path: rpc.path.clone(),
                    metadata,
                    frame,
                    deadline: target.deadline,
                    is_idempotent: rpc.is_idempotent,
                };
                let retries = self.core.retries().clone();
                let pending = call::open_whole(upstream, whole, retries, bytes_max);
                let pending = async move {
                    let answer = pending.await;
                    // The frame is held until then: it may have to be sent once more.
                    drop(room);
                    answer
                };
                (Box::pin(pending), Faults::default())
            }
        }
    }

    async fn stream(
        &self,
        target: &Target<'_>,
        form: Form,
        pending: render::Pending,
        mut faults: Faults,
    ) -> Result<Response<Body>, Problem> {
        let limits = self.core.limits();
        let peek = render::peek(pending, limits.stream_head_wait, limits.first_message_wait);
        let peeked = faults.or(peek).await?;
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept"));
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
            let interrupt = Interrupt::new(faults).at(target.deadline);
            let interrupt = interrupt.on(self.head.extensions.get::<Shutdown>());
            *response.body_mut() = stream.until(interrupt).into();
        }
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn metadata(&self) -> Result<HeaderMap, Problem> {
        let mut metadata = HeaderMap::with_capacity(8);
        metadata::allow(&self.head.headers, self.core.request_headers(), &mut metadata)?;
        metadata.insert(REQUEST_ID, self.request_id.clone());
        Ok(metadata)
    }
}

/// The answer, if it begins until then.
async fn within(
    deadline: Instant,
    exchange: impl Future<Output = Result<Response<Body>, Problem>>,
) -> Result<Response<Body>, Problem> {
    match timeout_at(deadline, exchange).await {
        Ok(Err(problem)) if is_late(&problem, deadline) => Err(Problem::deadline_exceeded()),
        Ok(result) => result,
        Err(_) => Err(Problem::deadline_exceeded()),
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
