//! Heads of HTTP/1 that hyper takes and RFC 9112 wants refused: with another coding than `chunked`, or without one good
//! `Host`. Whatever somebody in front reads into them, nobody behind does. Knows nothing of how they are refused.

use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Version};

/// Whether this head is to be answered with 400, and its connection closed.
pub(super) fn is_due<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    match request.version() {
        Version::HTTP_11 => !has_host(headers, 1) || !is_plain(headers),
        Version::HTTP_10 => !has_host(headers, 0),
        // What is left has neither of the two.
        _ => false,
    }
}

/// At least so many, one at most, and a good one (section 3.2).
fn has_host(headers: &HeaderMap, min: usize) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => min == 0,
        (Some(host), None) => is_host(host.as_bytes()),
        _ => false,
    }
}

/// No coding at all, or `chunked` alone, once (section 6.1).
fn is_plain(headers: &HeaderMap) -> bool {
    let mut codings = headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .map(HeaderValue::as_bytes);
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

/// `uri-host [ ":" port ]` (RFC 3986, section 3.2.2), or nothing.
fn is_host(text: &[u8]) -> bool {
    let colon = text
        .iter()
        .rposition(|byte| *byte == b':')
        .filter(|_| !text.ends_with(b"]"));
    let (host, port) = text.split_at(colon.unwrap_or(text.len()));
    let address = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let is_good = match address {
        Some(address) => address.iter().all(|byte| is_of_name(*byte) || *byte == b':'),
        None => host.iter().all(|byte| is_of_name(*byte)),
    };
    is_good && port.iter().skip(1).all(u8::is_ascii_digit)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for (text, expected) in [
            ("x", true),
            ("api.example.com:8080", true),
            ("10.0.0.7:", true),
            ("[::1]", true),
            ("[::1]:80", true),
            ("xn--bcher-kva.example", true),
            ("", true),
            ("a b/c", false),
            ("a:b", false),
            ("a:1:2", false),
            ("::1", false),
            ("u@x", false),
            ("http://x", false),
            ("x, y", false),
            ("é", false),
        ] {
            assert_eq!(is_host(text.as_bytes()), expected, "{text}");
        }
    }
}
