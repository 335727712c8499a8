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

/// The error of a response that ends with its headers, without saying more. `NOT_FOUND` is no fault: with it, and no more, the health
/// service tells of one that it does not know (grpc/doc/health-checking.md).
fn bare_error(headers: &HeaderMap) -> Option<Status> {
    if !headers.contains_key(Status::GRPC_STATUS) {
        return None;
    }
    Status::from_header_map(headers)
        .filter(|status| !matches!(status.code(), Code::Ok | Code::NotFound) && status.details().is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(code: Code) -> (Code, bool) {
        let response = explain(Status::new(code, "said by the library").into_http());
        let status = Status::from_header_map(response.headers()).unwrap();
        (status.code(), status.details().is_empty())
    }

    #[test]
    fn what_the_library_refuses_gets_details() {
        assert_eq!(explained(Code::Internal), (Code::InvalidArgument, false));
        assert_eq!(explained(Code::Unimplemented), (Code::Unimplemented, false));
    }

    #[test]
    fn a_service_whose_health_is_unknown_stays_not_found() {
        assert_eq!(explained(Code::NotFound), (Code::NotFound, true));
    }
}
