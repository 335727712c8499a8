//! Everything that can go wrong with a call, told in one shape: the upstream's own statuses, passed on as they are,
//! and those of the edge, which always say a reason. Knows how neither is written: see `problem::json` and `grpc`.

pub(crate) mod code;
mod grpc;
mod json;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tonic::Code;
use tonic_types::pb;

use crate::metadata::NotBase64;
pub(crate) use json::{Details, content_type};

/// A call that failed. Boxed: it travels through many results, and rarely.
#[derive(Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    http: StatusCode,
    code: Code,
    message: String,
    /// None when the upstream says so: its details are its own.
    reason: Option<&'static str>,
    info: Vec<(&'static str, String)>,
    details: Vec<prost_types::Any>,
    allow: Option<HeaderValue>,
    metadata: HeaderMap,
    /// What the log is told, and nobody else.
    cause: Option<String>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// JSON Pointer into the request message.
    pub(crate) field: String,
    /// `UPPER_SNAKE`.
    pub(crate) reason: &'static str,
    pub(crate) description: String,
}

/// What violations may take as JSON; as wire bytes it is less. An error body then stays below 6 KiB, and a status in base64, beside
/// its message, within the 8 KiB that gRPC peers take as trailers.
const VIOLATIONS_BYTES_MAX: usize = 4_800;

/// A violation longer than this is not repeated in the message.
const TEXT_BYTES_MAX: usize = 300;

/// When to come back after UNAVAILABLE.
const RETRY_SECONDS: i64 = 1;

impl Problem {
    /// A status of the upstream, with the rest of its trailers.
    pub(crate) fn from_upstream(status: pb::Status, metadata: HeaderMap) -> Self {
        let code = Code::from_i32(status.code);
        Self(Box::new(Inner {
            http: code::http_status(code),
            code,
            message: status.message,
            reason: None,
            info: Vec::new(),
            details: status.details,
            allow: None,
            metadata,
            cause: None,
        }))
    }

    /// The request does not fit. Violations that would make the status too large are dropped, their number is not.
    pub(crate) fn invalid_request(violations: Vec<Violation>) -> Self {
        let total = violations.len();
        let message = match violations.as_slice() {
            [one] if one.field.len() + one.description.len() <= TEXT_BYTES_MAX => match one.field.as_str() {
                "" => format!("invalid request: {}", one.description),
                field => format!("invalid request: {field} {}", one.description),
            },
            _ => format!("invalid request: {total} violations"),
        };
        let mut problem = Self::new(Code::InvalidArgument, "INVALID_REQUEST", message);
        problem.0.info.push(("violationsTotal", total.to_string()));
        problem.push_violations(violations);
        problem
    }

    pub(crate) fn route_not_found() -> Self {
        Self::new(Code::NotFound, "ROUTE_NOT_FOUND", "there is nothing at this path")
    }

    /// The path is known, but not with this method. `allowed` as the routes have them.
    pub(crate) fn method_not_allowed(allowed: &[Method]) -> Self {
        let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
        let mut problem = Self::new(
            Code::Unimplemented,
            "METHOD_NOT_ALLOWED",
            "the path has other methods",
        )
        .with_http(StatusCode::METHOD_NOT_ALLOWED);
        problem.0.allow = HeaderValue::try_from(names.join(", ")).ok();
        problem
    }

    pub(crate) fn not_acceptable() -> Self {
        let types = "text/event-stream, application/x-ndjson and application/json are served";
        Self::new(Code::InvalidArgument, "NOT_ACCEPTABLE", types).with_http(StatusCode::NOT_ACCEPTABLE)
    }

    pub(crate) fn body_too_large(bytes_max: impl std::fmt::Display) -> Self {
        let message = format!("the body is larger than {bytes_max} bytes");
        Self::new(Code::InvalidArgument, "BODY_TOO_LARGE", message).with_http(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// One of the messages of a body.
    pub(crate) fn element_too_large(index: u64, bytes_max: usize) -> Self {
        let message = format!("element {index} of the body is larger than {bytes_max} bytes");
        Self::new(Code::InvalidArgument, "BODY_TOO_LARGE", message).with_http(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// The body ended before it was whole.
    pub(crate) fn malformed_body() -> Self {
        Self::new(
            Code::InvalidArgument,
            "INVALID_REQUEST",
            "the body is not complete",
        )
    }

    /// The body is not what its type says.
    pub(crate) fn unreadable_body(cause: &str) -> Self {
        let message = format!("the body cannot be read: {cause}");
        Self::new(Code::InvalidArgument, "INVALID_REQUEST", message)
    }

    /// A header of the caller that cannot be read.
    pub(crate) fn invalid_header(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, "INVALID_REQUEST", message)
    }

    pub(crate) fn unsupported_media_type(message: &'static str) -> Self {
        Self::new(Code::InvalidArgument, "UNSUPPORTED_MEDIA_TYPE", message)
            .with_http(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }

    pub(crate) fn headers_too_large(bytes_max: usize) -> Self {
        let message = format!("the headers are larger than {bytes_max} bytes");
        Self::new(Code::InvalidArgument, "HEADERS_TOO_LARGE", message)
            .with_http(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new(Code::Unavailable, "SHUTTING_DOWN", "the server is shutting down").with_retry()
    }

    /// Every connection to the upstream is full.
    pub(crate) fn overloaded() -> Self {
        Self::new(Code::Unavailable, "OVERLOADED", "too many calls are open").with_retry()
    }

    pub(crate) fn backend_unavailable(cause: impl Into<String>) -> Self {
        Self::new(
            Code::Unavailable,
            "BACKEND_UNAVAILABLE",
            "the service behind cannot be reached",
        )
        .with_retry()
        .with_cause(cause)
    }

    /// A call that was sent, and no answer came.
    pub(crate) fn broken_off(cause: impl Into<String>) -> Self {
        Self::new(
            Code::Unavailable,
            "BACKEND_UNAVAILABLE",
            "the service behind broke off: whether it carried the call out is not known",
        )
        .with_retry()
        .with_cause(cause)
    }

    /// The upstream has ended the call and says no more; it stands in for a status of its own.
    pub(crate) fn cancelled() -> Self {
        Self::said(Code::Cancelled, "the service behind cancelled the call")
    }

    pub(crate) fn deadline_exceeded() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
            "the call took too long",
        )
    }

    /// Something is wrong behind the edge, or with it.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Self::new(Code::Internal, "INTERNAL", "internal error").with_cause(cause)
    }

    /// An answer without a gRPC status: another proxy's word, or nonsense (grpc/doc/http-grpc-status-mapping.md).
    pub(crate) fn without_status(http: StatusCode) -> Self {
        let cause = format!("no grpc answer, http status {http}");
        let said = |code| Self::said(code, format!("the service behind answered {http}"));
        match http.as_u16() {
            400 => Self::internal(cause),
            401 => said(Code::Unauthenticated),
            403 => said(Code::PermissionDenied),
            404 => said(Code::Unimplemented).with_cause(cause),
            429 | 502 | 503 | 504 => Self::backend_unavailable(cause),
            _ => said(Code::Unknown).with_cause(cause),
        }
    }

    /// Tells the log, once, where the call's answer is made.
    pub(crate) fn log(&self, request_id: &HeaderValue, path: &str) {
        let id = request_id.to_str().unwrap_or("");
        let (code, reason) = (self.0.code, self.0.reason.unwrap_or(""));
        match &self.0.cause {
            Some(cause) => {
                tracing::error!(request.id = id, call.path = path, grpc.code = ?code, reason, cause, "call failed")
            }
            None => {
                tracing::debug!(request.id = id, call.path = path, grpc.code = ?code, reason, "call refused")
            }
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// What is said of it, within the process.
    pub(crate) fn text(&self) -> &str {
        self.0.cause.as_deref().unwrap_or(&self.0.message)
    }

    pub(crate) fn http(&self) -> StatusCode {
        self.0.http
    }

    /// Whether the upstream's answer has details of its own.
    pub(crate) fn is_bare(&self) -> bool {
        self.0.reason.is_none() && self.0.details.is_empty()
    }

    pub(crate) fn metadata(&self) -> &HeaderMap {
        &self.0.metadata
    }

    /// The status as it travels: with the ErrorInfo of the edge's own domain, if it is one of the edge.
    fn status(&self, domain: &str) -> pb::Status {
        let info = self.0.reason.map(|reason| {
            any(&pb::ErrorInfo {
                reason: reason.to_owned(),
                domain: domain.to_owned(),
                metadata: self
                    .0
                    .info
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), value.clone()))
                    .collect(),
            })
        });
        pb::Status {
            code: self.0.code.into(),
            message: self.0.message.clone(),
            details: info.into_iter().chain(self.0.details.iter().cloned()).collect(),
        }
    }

    /// The seconds of a RetryInfo, rounded up.
    fn retry_after_seconds(&self) -> Option<i64> {
        let retry = self.0.details.iter().find_map(decode::<pb::RetryInfo>)?;
        let delay = retry.retry_delay?;
        Some((delay.seconds + i64::from(delay.nanos > 0)).max(0))
    }

    fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        let mut problem = Self::said(code, message);
        problem.0.reason = Some(reason);
        problem
    }

    /// What the upstream says without details.
    fn said(code: Code, message: impl Into<String>) -> Self {
        let status = pb::Status {
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
        };
        Self::from_upstream(status, HeaderMap::new())
    }

    fn with_http(mut self, status: StatusCode) -> Self {
        self.0.http = status;
        self
    }

    fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    fn with_retry(mut self) -> Self {
        self.0.details.push(any(&pb::RetryInfo {
            retry_delay: Some(prost_types::Duration {
                seconds: RETRY_SECONDS,
                nanos: 0,
            }),
        }));
        self
    }

    fn push_violations(&mut self, violations: Vec<Violation>) {
        let mut left = VIOLATIONS_BYTES_MAX;
        let mut request = pb::BadRequest::default();
        for violation in violations {
            let violation = pb::bad_request::FieldViolation {
                field: violation.field,
                description: violation.description,
                reason: violation.reason.to_owned(),
                localized_message: None,
            };
            let Some(rest) = left.checked_sub(json::violation_bytes(&violation)) else {
                break;
            };
            left = rest;
            request.field_violations.push(violation);
        }
        self.0.details.push(any(&request));
    }
}

impl From<NotBase64> for Problem {
    fn from(NotBase64(name): NotBase64) -> Self {
        Self::invalid_header(format!("{name} is no base64"))
    }
}

fn any<M: Named>(message: &M) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/{}", M::NAME),
        value: message.encode_to_vec(),
    }
}

fn decode<M: Named>(any: &prost_types::Any) -> Option<M> {
    let name = any.type_url.rsplit('/').next()?;
    (name == M::NAME)
        .then(|| M::decode(any.value.as_slice()).ok())
        .flatten()
}

/// A message of `google/rpc/error_details.proto` by its full name.
trait Named: prost::Message + Default {
    const NAME: &'static str;
}

impl Named for pb::ErrorInfo {
    const NAME: &'static str = "google.rpc.ErrorInfo";
}

impl Named for pb::BadRequest {
    const NAME: &'static str = "google.rpc.BadRequest";
}

impl Named for pb::RetryInfo {
    const NAME: &'static str = "google.rpc.RetryInfo";
}

#[cfg(test)]
mod tests {
    use postern_protojson::{Codec, Options};
    use prost::Message as _;
    use prost_reflect::DescriptorPool;

    use super::*;

    fn violation(field: &str, length: usize) -> Violation {
        Violation {
            field: field.to_owned(),
            reason: "WRONG_TYPE",
            description: "x".repeat(length),
        }
    }

    #[test]
    fn trailers_stay_below_eight_kib_and_tell_how_many_violations_there_were() {
        let details = Details::new(
            "postern".to_owned(),
            &DescriptorPool::new(),
            &Codec::new(DescriptorPool::new(), Options::default()),
            Options::default(),
        )
        .unwrap();
        for (field, length) in [("/a/b", 10), ("/a/b", 100), ("/\"", 3_000), ("/ä", 10_000)] {
            let problem = Problem::invalid_request(vec![violation(field, length); 100]);
            let trailers = problem.to_trailers(&details);
            let bytes: usize = trailers
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len() + 32)
                .sum();
            assert!(bytes < 8 << 10, "{length}: {bytes}");
            assert!(problem.to_json(&details).len() < 6 << 10, "{length}");
            let info = decode::<pb::ErrorInfo>(&problem.status("postern").details[0]).unwrap();
            assert_eq!(info.metadata["violationsTotal"], "100");
        }
    }

    #[test]
    fn one_long_violation_does_not_blow_up_the_message() {
        let problem = Problem::invalid_request(vec![violation(&"/x".repeat(4_000), 10)]);
        assert!(problem.status("postern").encoded_len() < 1_000);
    }

    #[test]
    fn retry_delays_are_rounded_up() {
        let delay = |seconds, nanos| prost_types::Duration { seconds, nanos };
        for (delay, seconds) in [
            (delay(1, 0), 1),
            (delay(1, 1), 2),
            (delay(0, 0), 0),
            (delay(-5, 0), 0),
        ] {
            let status = pb::Status {
                code: 14,
                message: String::new(),
                details: vec![any(&pb::RetryInfo {
                    retry_delay: Some(delay),
                })],
            };
            let problem = Problem::from_upstream(status, HeaderMap::new());
            assert_eq!(problem.retry_after_seconds(), Some(seconds));
        }
    }
}
