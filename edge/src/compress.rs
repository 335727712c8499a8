//! gzip for callers that accept it (RFC 9110, section 12.5.3), of JSON, of streams of it, and of the
//! edge's own pages.
//!
//! gRPC never comes here, and raw bytes of other types stay as they are.

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::render::accept::parse_weight;

/// What the edge itself writes.
const TYPES: [&str; 4] = [
    "application/json",
    "application/x-ndjson",
    "text/event-stream",
    "text/html; charset=utf-8",
];
/// Codings looked at.
const CODINGS_MAX: usize = 50;

/// Compresses an answer if its caller accepts that and it is worth it.
pub(crate) fn apply(request: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    if response.status() == StatusCode::NOT_MODIFIED {
        keep_weakness(request, response.headers_mut());
        return response;
    }
    if !response.body().is_compressible() || !is_text(response.headers()) {
        return response;
    }
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if !is_accepted(request) {
        return response;
    }
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    weaken(headers);
    response.map(Body::gzip)
}

fn is_text(headers: &HeaderMap) -> bool {
    let has = |name, part: &str| {
        let values = headers.get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .any(|text| text.contains(part))
    };
    let is_known = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| TYPES.iter().any(|known| value == known));
    is_known && !headers.contains_key(CONTENT_ENCODING) && !has(CACHE_CONTROL, "no-transform")
}

/// Whether gzip is accepted, and not less than no coding at all.
fn is_accepted(request: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    let values = request.get_all(ACCEPT_ENCODING).iter();
    let codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .take(CODINGS_MAX);
    for coding in codings {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let Some((_, weight)) = weight.split_once('=') else {
            continue;
        };
        let weight = parse_weight(weight.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = weight,
            "*" => any = weight,
            "identity" => identity = weight,
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// Encoded bytes are no longer the same bytes (RFC 9110, section 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let weak = headers.get(ETAG).and_then(|tag| {
        let tag = tag.to_str().ok().filter(|tag| !tag.starts_with("W/"))?;
        HeaderValue::try_from(format!("W/{tag}")).ok()
    });
    if let Some(weak) = weak {
        headers.insert(ETAG, weak);
    }
}

/// A 304 names the representation that the caller has: the compressed one, if its tag is the weak one.
fn keep_weakness(request: &HeaderMap, headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return;
    };
    let weak = format!("W/{tag}");
    let mut given = request.get_all(IF_NONE_MATCH).iter();
    let has_weak = given.any(|value| value.to_str().is_ok_and(|list| list.contains(&weak)));
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if has_weak && is_accepted(request) {
        weaken(headers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_by_its_weight() {
        for (text, expected) in [
            ("gzip", true),
            ("GZip", true),
            ("x-gzip", true),
            ("deflate, gzip;q=0.5, br", true),
            ("*", true),
            ("gzip;q=0.001", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("*;q=0", false),
            ("*, gzip;q=0", false),
            ("identity, gzip;q=0.5", false),
            ("identity;q=0.5, gzip", true),
            ("gzip;q=2", false),
            ("br, deflate", false),
            ("", false),
        ] {
            let request = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]);
            assert_eq!(is_accepted(&request), expected, "{text}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
