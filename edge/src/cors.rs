//! Pages of other origins: which may call, and what of the answer they may read (the CORS protocol of the Fetch standard).
//!
//! It protects no data: tokens do. What the browser itself would add (cookies) is never asked for.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use crate::body::Body;

/// Request headers that the edge itself understands, besides those that become metadata.
const REQUEST_HEADERS: &str =
    "content-type, if-none-match, last-event-id, x-server-timeout, x-grpc-web, x-user-agent, grpc-timeout";

/// Response headers that a page may read, besides those that every page may.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, location, retry-after, content-disposition, www-authenticate, x-request-id, \
     grpc-status, grpc-message, grpc-status-details-bin",
);

/// How long a browser need not ask again: Chromium cuts at two hours.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// Who may call, and with which headers.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Origins,
    request_headers: HeaderValue,
}

#[derive(Debug)]
enum Origins {
    Any,
    These(Vec<HeaderValue>),
}

/// An origin that no browser would send.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an origin like https://console.example.com, nor *")]
pub(crate) struct Error(String);

impl Cors {
    /// `origins` as the configuration has them; `metadata` names the request headers that become metadata.
    pub(crate) fn new(origins: &[String], metadata: &[HeaderName]) -> Result<Self, Error> {
        let mut names: Vec<_> = metadata.iter().map(HeaderName::as_str).collect();
        names.push(REQUEST_HEADERS);
        Ok(Self {
            origins: Origins::parse(origins)?,
            request_headers: HeaderValue::try_from(names.join(", ")).expect("names of headers are ASCII"),
        })
    }

    /// The origin that may read the answer, None when the request comes from no page, or from one that may not.
    pub(crate) fn grant(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        match &self.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::These(origins) => origins.contains(origin).then(|| origin.clone()),
        }
    }

    /// The answer to a preflight, for the methods that the path has.
    pub(crate) fn preflight(&self, mut methods: Vec<Method>) -> Response<Body> {
        // Any path may be a gRPC method, known here or not.
        if !methods.contains(&Method::POST) {
            methods.push(Method::POST);
        }
        let names: Vec<_> = methods.iter().map(Method::as_str).collect();
        let methods = HeaderValue::try_from(names.join(", ")).expect("methods are tokens (RFC 9110)");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.request_headers.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
        response
    }

    /// Lets the granted origin read an answer. An answer that would differ for another origin says so to caches.
    pub(crate) fn apply(&self, granted: Option<HeaderValue>, headers: &mut HeaderMap) {
        if matches!(&self.origins, Origins::These(origins) if !origins.is_empty()) {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = granted else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
}

/// Whether a browser asks what it may send, before it sends it.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl Origins {
    fn parse(texts: &[String]) -> Result<Self, Error> {
        if texts.iter().any(|text| text == "*") {
            return Ok(Self::Any);
        }
        let origins = texts.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        Ok(Self::These(origins))
    }
}

/// Scheme, host and port as a browser writes them (RFC 6454, section 6.2): lower case, no path. `null` is refused: any page
/// can come from it.
fn origin(text: &str) -> Result<HeaderValue, Error> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_written_so =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]_".contains(&byte);
    match host.filter(|host| !host.is_empty() && host.bytes().all(is_written_so)) {
        Some(_) => HeaderValue::try_from(text).map_err(|_invalid| Error(text.to_owned())),
        None => Err(Error(text.to_owned())),
    }
}
