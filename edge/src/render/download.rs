//! A stream of `google.api.HttpBody` as the bytes that it carries: pulled by the reader, one message in flight.
//!
//! The first message says the type. An error behind it breaks the answer off: a part must not pass for the whole.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response};

use crate::call::{Answer, Frames};
use crate::core::Core;
use crate::interrupt::Interrupt;
use crate::metadata;
use crate::problem::Problem;
use crate::route::{HttpBody, Raw};

/// What a body is when nobody says it (RFC 9110, section 8.3).
const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The bytes of a stream of raw bodies.
pub(crate) struct Download {
    core: Arc<Core>,
    route: usize,
    raw: Raw,
    first: Option<Bytes>,
    frames: Frames,
    interrupt: Interrupt,
    request_id: HeaderValue,
}

/// Waits for the first message, which says the type, or for an error, which has a status of its own then.
/// `request_id` is for the log.
pub(crate) async fn download(
    core: Arc<Core>,
    route: usize,
    mut answer: Answer,
    request_id: HeaderValue,
) -> Result<Response<Download>, Problem> {
    let raw = core.route(route).raw_response.unwrap_or(Raw::Whole);
    let first = match answer.frames.next().await.transpose()? {
        Some(message) => decode(raw, message)?,
        None => HttpBody::default(),
    };
    let mut headers = HeaderMap::new();
    metadata::forward(&answer.metadata, &mut headers);
    metadata::stream(&answer.metadata, &mut headers);
    typed(&first, &mut headers)?;
    let mut response = Response::new(Download {
        core,
        route,
        raw,
        first: Some(first.data),
        frames: answer.frames,
        interrupt: Interrupt::default(),
        request_id,
    });
    *response.headers_mut() = headers;
    Ok(response)
}

/// Sets the type that a raw body says; a browser is told not to guess another.
pub(super) fn typed(body: &HttpBody, headers: &mut HeaderMap) -> Result<(), Problem> {
    let content_type = match body.content_type.as_str() {
        "" => UNKNOWN_TYPE,
        text => HeaderValue::try_from(text)
            .map_err(|error| Problem::internal(format!("upstream sent a type that is no header: {error}")))?,
    };
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(())
}

pub(super) fn decode(raw: Raw, message: Bytes) -> Result<HttpBody, Problem> {
    raw.decode(message)
        .map_err(|error| Problem::internal(format!("upstream sent a message that cannot be read: {error}")))
}

impl Download {
    /// Breaks it off when something interrupts it.
    pub(crate) fn until(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// The next bytes, never none; an error ends the answer before it is whole.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, tonic::Status>>> {
        loop {
            if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
                return Poll::Ready(Some(Ok(first)));
            }
            let data = match ready!(self.poll_message(cx)) {
                None => return Poll::Ready(None),
                Some(message) => message.and_then(|message| decode(self.raw, message)),
            };
            match data {
                Ok(body) if body.data.is_empty() => {}
                Ok(body) => return Poll::Ready(Some(Ok(body.data))),
                Err(problem) => return Poll::Ready(Some(Err(self.fail(&problem)))),
            }
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        match self.interrupt.poll(cx) {
            Poll::Ready(problem) => Poll::Ready(Some(Err(problem))),
            Poll::Pending => self.frames.poll_next(cx),
        }
    }

    fn fail(&mut self, problem: &Problem) -> tonic::Status {
        problem.log(&self.request_id, self.core.route(self.route).rpc.path.as_str());
        self.frames = Frames::ended();
        tonic::Status::new(problem.code(), "the answer is not complete")
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("raw", &self.raw)
            .finish_non_exhaustive()
    }
}
