//! What a server said no with, in words for a person and as an exit code.

use postern_proto::google::rpc::{BadRequest, ErrorInfo, Status as RpcStatus};
use prost::{Message as _, Name};
use tonic::{Code, Status};

use super::Error;

/// The status of a call that failed: its reason, its message, and every violation on a line of its own.
pub(super) fn read(server: &str, status: &Status) -> Error {
    let details = RpcStatus::decode(status.details()).unwrap_or_default();
    let error = RpcStatus {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: details.details,
    };
    let text = text(&error);
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => {
            Error::Unavailable(format!("{server}: {}{text}", status_cause(status)))
        }
        Code::Unauthenticated | Code::PermissionDenied => Error::Denied(text),
        Code::NotFound => Error::NotFound(text),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => Error::Failed(text),
    }
}

/// A status in words: of a call, of a job, or of one thing among many.
pub(crate) fn text(error: &RpcStatus) -> String {
    lines(error).join("\n  ")
}

/// The same as lines: the message, then every violation.
pub(crate) fn lines(error: &RpcStatus) -> Vec<String> {
    let name = Code::from_i32(error.code).description();
    let reason: Option<ErrorInfo> = detail(error);
    let message = match reason {
        Some(info) => format!("{}: {}", info.reason, error.message),
        None if error.message.is_empty() => name.to_owned(),
        None => error.message.clone(),
    };
    let bad: BadRequest = detail(error).unwrap_or_default();
    let violations = bad.field_violations.into_iter().map(|violation| {
        let (field, reason) = (violation.field, violation.reason);
        format!("{field} {reason}: {}", violation.description)
    });
    [message].into_iter().chain(violations).collect()
}

/// The reason in an error's details, which programs go by.
pub(crate) fn reason(error: &RpcStatus) -> Option<String> {
    detail::<ErrorInfo>(error).map(|info| info.reason)
}

fn detail<M: Name + Default>(error: &RpcStatus) -> Option<M> {
    let found = error
        .details
        .iter()
        .find(|any| any.type_url.rsplit('/').next() == Some(M::full_name().as_str()))?;
    M::decode(found.value.as_slice()).ok()
}

/// What kept a call from arriving, before what became of it; nothing where the server said no itself.
fn status_cause(status: &Status) -> String {
    std::error::Error::source(status).map_or_else(String::new, |source| format!("{}, ", cause(source)))
}

/// The innermost cause says most.
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
