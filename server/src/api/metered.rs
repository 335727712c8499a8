//! Tells the meters how a call ended: its status stands in the trailers, behind everything else.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Frame;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::meters::Call;

/// The answer to a call, which ends with it.
pub(super) fn answer(mut call: Call, response: Response<Body>) -> Response<Body> {
    call.answered();
    tracing::debug!(target: "access", status = code_if_ended(response.headers()), "answered");
    // An answer that is nothing but its status.
    if response.headers().contains_key(Status::GRPC_STATUS) {
        call.end(code(response.headers()));
        return response;
    }
    response.map(|inner| Body::new(Metered { inner, call }))
}

struct Metered {
    inner: Body,
    call: Call,
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.end(code(trailers));
                }
            }
            Some(Err(status)) => self.call.end(name(status.code())),
            None => self.call.end(name(Code::Unknown)),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

/// The code of an answer that is nothing but its status; of others it is not known yet.
fn code_if_ended(headers: &HeaderMap) -> &'static str {
    match headers.contains_key(Status::GRPC_STATUS) {
        true => code(headers),
        false => "",
    }
}

/// The code that these headers or trailers carry.
fn code(headers: &HeaderMap) -> &'static str {
    let value = headers.get(Status::GRPC_STATUS);
    name(value.map_or(Code::Unknown, |value| Code::from_bytes(value.as_bytes())))
}

/// As google/rpc/code.proto has it.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
