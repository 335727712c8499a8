//! What the gRPC library itself refuses, told like every other error: with a reason.

use http::{HeaderMap, Response};
use tonic::body::Body;
use tonic::{Code, Status};

use super::problem::Problem;

/// A response as it is, or, where it is a bare error, with details.
pub(super) fn explain(response: Response<Body>) -> Response<Body> {
    match bare_error(response.headers()) {
        Some(status) => Status::from(problem(&status)).into_http(),
        None => response,
    }
}

/// The error of a response that ends with its headers, without saying more.
fn bare_error(headers: &HeaderMap) -> Option<Status> {
    if !headers.contains_key(Status::GRPC_STATUS) {
        return None;
    }
    Status::from_header_map(headers).filter(|status| status.code() != Code::Ok && status.details().is_empty())
}

fn problem(status: &Status) -> Problem {
    match status.code() {
        Code::Unimplemented => Problem::new(
            Code::Unimplemented,
            "METHOD_NOT_ALLOWED",
            "there is no such method",
        ),
        Code::OutOfRange | Code::ResourceExhausted => Problem::new(
            Code::InvalidArgument,
            "BODY_TOO_LARGE",
            "the request message is too large",
        ),
        // What tonic makes of a message that cannot be decoded.
        Code::Internal | Code::InvalidArgument => {
            tracing::info!(message = status.message(), "a request could not be read");
            Problem::new(
                Code::InvalidArgument,
                "INVALID_REQUEST",
                "the request message cannot be decoded",
            )
        }
        code @ (Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated) => {
            tracing::warn!(
                ?code,
                message = status.message(),
                "a call failed in the gRPC library"
            );
            Problem::internal()
        }
    }
}
