//! How a call ended: out of trailers, or out of an error of the transport.

use std::error::Error;

use base64::Engine as _;
use http::HeaderMap;
use prost::Message as _;
use tonic::Code;
use tonic_types::pb;

use super::retry::is_unsent;
use crate::metadata::BASE64;
use crate::problem::Problem;
use crate::route::decode;
use crate::upstream::Overloaded;

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
const DETAILS: &str = "grpc-status-details-bin";

/// Whether these trailers say OK; None when they say nothing.
pub(crate) fn is_ok(trailers: &HeaderMap) -> Option<bool> {
    trailers.get(STATUS).map(|value| value == "0")
}

/// The status of trailers that are not OK. The code counts as it stands in `grpc-status`; details that cannot be read
/// are left out.
pub(super) fn problem(mut trailers: HeaderMap) -> Problem {
    let code = trailers
        .get(STATUS)
        .map_or(Code::Unknown, |value| Code::from_bytes(value.as_bytes()));
    let message = trailers
        .get(MESSAGE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let message = message.unwrap_or_default();
    let message = decode::segment(&message).map_or(message.clone(), std::borrow::Cow::into_owned);
    let details = trailers
        .get(DETAILS)
        .and_then(|value| BASE64.decode(value.as_bytes()).ok());
    let details = details.and_then(|bytes| pb::Status::decode(bytes.as_slice()).ok());
    for name in [STATUS, MESSAGE, DETAILS] {
        trailers.remove(name);
    }
    let status = pb::Status {
        code: code.into(),
        message,
        details: details.unwrap_or_default().details,
    };
    Problem::from_upstream(status, trailers)
}

/// A call that broke off, or never came to be: whoever made it must know which.
pub(crate) fn transport(first: &(dyn Error + Send + Sync + 'static)) -> Problem {
    let mut cause: Option<&(dyn Error + 'static)> = Some(first);
    let mut texts = Vec::new();
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return Problem::deadline_exceeded();
        }
        if error.is::<Overloaded>() {
            return Problem::overloaded();
        }
        if error.downcast_ref::<h2::Error>().is_some_and(is_cancellation) {
            return Problem::cancelled();
        }
        texts.push(error.to_string());
        cause = error.source();
    }
    match is_unsent(first) {
        true => Problem::backend_unavailable(texts.join(": ")),
        false => Problem::broken_off(texts.join(": ")),
    }
}

/// As servers end a call whose deadline has passed, or that they will not answer.
fn is_cancellation(error: &h2::Error) -> bool {
    error.is_reset() && error.reason() == Some(h2::Reason::CANCEL)
}
