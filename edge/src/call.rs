//! One call to the upstream: sends its messages, gives back the answer's metadata and its frames.
//!
//! Everything that is not OK is a [`Problem`]. Knows nothing of JSON, nor of who asked.

mod frames;
mod retry;
mod status;
mod upstream;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;
use tokio::time::Instant;
use tonic::body::Body;
use tower::BoxError;

use crate::deadline;
use crate::metadata::keep_unindexed;
use crate::problem::Problem;
pub(crate) use frames::Frames;
pub(crate) use retry::Retries;
pub(crate) use status::{is_ok, transport};
pub use upstream::Upstream;

/// An answer that is not an error so far.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Initial metadata.
    pub(crate) metadata: HeaderMap,
    pub(crate) frames: Frames,
}

/// The request of a call that must have ended by then. The messages of its body are already framed.
pub(crate) fn request(
    path: &PathAndQuery,
    mut metadata: HeaderMap,
    body: Body,
    deadline: Option<Instant>,
) -> Request<Body> {
    if let Some(deadline) = deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        metadata.insert("grpc-timeout", deadline::to_grpc(left));
    }
    keep_unindexed(&mut metadata);
    metadata.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    metadata.insert(TE, HeaderValue::from_static("trailers"));
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::from(path.clone());
    *request.headers_mut() = metadata;
    request
}

/// A call of one message, which can be made again.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) path: PathAndQuery,
    pub(crate) metadata: HeaderMap,
    pub(crate) frame: Bytes,
    pub(crate) deadline: Option<Instant>,
    pub(crate) is_idempotent: bool,
}

impl Whole {
    fn request(&self) -> Request<Body> {
        let body = Body::new(Full::new(self.frame.clone()));
        request(&self.path, self.metadata.clone(), body, self.deadline)
    }
}

/// Sends a request and waits for the answer's head.
pub(crate) async fn open<U: Upstream>(
    upstream: U,
    request: Request<Body>,
    message_bytes_max: usize,
) -> Result<Answer, Problem> {
    answer(upstream.send(request).await, message_bytes_max)
}

/// The same, and once more if it breaks off before that and another time does no harm.
pub(crate) async fn open_whole<U: Upstream>(
    upstream: U,
    call: Whole,
    retries: Retries,
    message_bytes_max: usize,
) -> Result<Answer, Problem> {
    retries.deposit();
    let mut response = upstream.clone().send(call.request()).await;
    if let Err(error) = &response
        && retries.allow(error.as_ref(), call.is_idempotent)
    {
        tracing::debug!(call.path = %call.path, error, "call is made once more");
        response = upstream.send(call.request()).await;
    }
    answer(response, message_bytes_max)
}

fn answer(response: Result<Response<Body>, BoxError>, message_bytes_max: usize) -> Result<Answer, Problem> {
    let response = response.map_err(|error| transport(error.as_ref()))?;
    let (head, body) = response.into_parts();
    if let Some(is_ok) = is_ok(&head.headers) {
        // Trailers-Only: the head is all there is.
        return match is_ok {
            true => Ok(Answer {
                metadata: head.headers,
                frames: Frames::ended(),
            }),
            false => Err(status::problem(head.headers)),
        };
    }
    check(head.status, &head.headers)?;
    Ok(Answer {
        metadata: head.headers,
        frames: Frames::new(body, message_bytes_max),
    })
}

/// Whether an answer whose head says no status is one of gRPC.
pub(crate) fn check(status: StatusCode, headers: &HeaderMap) -> Result<(), Problem> {
    let is_grpc = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    match status == StatusCode::OK && is_grpc {
        true => Ok(()),
        false => Err(Problem::without_status(status)),
    }
}
