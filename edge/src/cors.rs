//! Pages of other origins: which may call, and what of the answer they may read (the CORS protocol of the Fetch standard).
//!
//! It protects no data: tokens do. What the browser itself would add (cookies) is never asked for.

use std::str::FromStr;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

/// Request headers that the edge itself understands, besides those that become metadata.
const REQUEST_HEADERS: &str =
    "content-type, if-none-match, last-event-id, x-server-timeout, x-grpc-web, x-user-agent, grpc-timeout";

/// Response headers that a page may read, besides those that every page may. The star is all of them, `grpc-metadata-…`
/// as well, because nothing is granted to requests with credentials; the names are for browsers that do not know it.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "*, etag, location, retry-after, content-disposition, www-authenticate, x-request-id, \
     grpc-status, grpc-message, grpc-status-details-bin",
);

/// How long a browser need not ask again: Chromium cuts at two hours.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// Where pages come from: scheme, host and port, such as `https://console.example.com`; or anywhere, `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text that no browser would send as an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin like https://console.example.com, nor *")]
pub struct InvalidOrigin(String);

/// Who may call, and with which headers.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Vec<Origin>,
    /// Whether every origin is among them.
    is_open: bool,
    request_headers: HeaderValue,
}

const ANY: &str = "*";

impl Cors {
    /// `metadata` names the request headers that become metadata.
    pub(crate) fn new(origins: &[Origin], metadata: &[HeaderName]) -> Self {
        let mut names: Vec<_> = metadata.iter().map(HeaderName::as_str).collect();
        names.push(REQUEST_HEADERS);
        Self {
            origins: origins.to_vec(),
            is_open: origins.iter().any(|Origin(value)| value == ANY),
            request_headers: HeaderValue::try_from(names.join(", ")).expect("names of headers are ASCII"),
        }
    }

    /// The origin that may read the answer, None when the request comes from no page, or from one that may not.
    pub(crate) fn grant(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        if self.is_open {
            return Some(HeaderValue::from_static(ANY));
        }
        let known = self.origins.iter().find(|Origin(known)| known == origin);
        known.map(|Origin(known)| known.clone())
    }

    /// The answer to a preflight, for the methods that the path has.
    pub(crate) fn preflight(&self, mut methods: Vec<Method>) -> Response<()> {
        // Any path may be a gRPC method, known here or not.
        if !methods.contains(&Method::POST) {
            methods.push(Method::POST);
        }
        let names: Vec<_> = methods.iter().map(Method::as_str).collect();
        let methods = HeaderValue::try_from(names.join(", ")).expect("methods are tokens (RFC 9110)");
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.request_headers.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
        response
    }

    /// Lets the granted origin read an answer. An answer that would differ for another origin says so to caches.
    pub(crate) fn apply(&self, granted: Option<HeaderValue>, headers: &mut HeaderMap) {
        if !self.is_open && !self.origins.is_empty() {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = granted else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
}

/// The method that a browser asks for before it sends it, if this is such a preflight.
pub(crate) fn asked<B>(request: &Request<B>) -> Option<Method> {
    let asked = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD)?;
    match *request.method() == Method::OPTIONS {
        true => Method::from_bytes(asked.as_bytes()).ok(),
        false => None,
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let is_origin = text == ANY || is_written_by_browsers(text);
        let value = HeaderValue::try_from(text).ok().filter(|_| is_origin);
        value.map(Self).ok_or_else(|| InvalidOrigin(text.to_owned()))
    }
}

/// Scheme, host and port (RFC 6454, section 6.2): lower case, no path. `null` is none: any page can come from it.
fn is_written_by_browsers(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_written_so =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]_".contains(&byte);
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_written_so))
}
