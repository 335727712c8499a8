//! Headers in, headers out: which of a REST caller's become request metadata, and which of the upstream's metadata
//! become headers. Default-deny inwards; outwards a prefix tells foreign names apart.

mod trace;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, LOCATION, RETRY_AFTER,
    SERVER,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

pub(crate) use trace::trace_id;

/// gRPC sends binary values without padding and takes both.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The caller's name for a request, made when there is none.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const HTTP_STATUS: HeaderName = HeaderName::from_static("http-status");

/// Initial metadata of a unary answer that any edge honours as a header of the same name.
const UNARY: [HeaderName; 5] = [LOCATION, ETAG, RETRY_AFTER, CACHE_CONTROL, CONTENT_DISPOSITION];
/// The same for a server stream.
const STREAM: [HeaderName; 2] = [CACHE_CONTROL, CONTENT_DISPOSITION];
/// Headers that belong to one hop (RFC 9110, section 7.6.1).
const HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A binary header (`-bin`) of the caller that is no base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotBase64(pub(crate) HeaderName);

/// Copies the allowed headers of a REST caller. `grpc-…` and headers of one hop never pass, whatever is allowed; a trace
/// context passes if it is one.
pub(crate) fn allow(
    headers: &HeaderMap,
    allowed: &[HeaderName],
    metadata: &mut HeaderMap,
) -> Result<(), NotBase64> {
    for name in allowed {
        if is_reserved(name) || trace::is_broken(name, headers) {
            continue;
        }
        for value in headers.get_all(name) {
            metadata.append(name, value.clone());
        }
    }
    separate_binary(metadata)
}

/// Binary values, each in a header of its own: several may come in one, separated by commas (gRPC over HTTP/2,
/// `Custom-Metadata`), and gRPC's C core refuses those.
pub(crate) fn separate_binary(metadata: &mut HeaderMap) -> Result<(), NotBase64> {
    let mut joined = Vec::new();
    for (name, value) in &*metadata {
        if !name.as_str().ends_with("-bin") {
            continue;
        }
        if !parts(value).all(|part| BASE64.decode(part).is_ok()) {
            return Err(NotBase64(name.clone()));
        }
        if value.as_bytes().contains(&b',') && !joined.contains(name) {
            joined.push(name.clone());
        }
    }
    for name in joined {
        let values = metadata.get_all(&name).iter().flat_map(parts);
        let values: Vec<_> = values
            .filter_map(|part| HeaderValue::from_bytes(part).ok())
            .collect();
        metadata.remove(&name);
        for value in values {
            metadata.append(&name, value);
        }
    }
    Ok(())
}

/// Keeps what callers chose out of the HPACK table of a connection that they share (RFC 7541, section 7.1.3): gRPC's C
/// core remembers there that a header was bad, and fails the calls of others that refer to it.
pub(crate) fn keep_unindexed(metadata: &mut HeaderMap) {
    for value in metadata.values_mut() {
        value.set_sensitive(true);
    }
}

/// The caller's request id if it is usable (1 to 128 printable ASCII characters), else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let mut given = headers.get_all(REQUEST_ID).iter();
    let printable = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len()) && bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
    };
    match (given.next().filter(printable), given.next()) {
        (Some(value), None) => value.clone(),
        _ => {
            let id = uuid::Uuid::now_v7().hyphenated().to_string();
            HeaderValue::try_from(id).expect("a UUID is printable ASCII")
        }
    }
}

/// The status and headers that the initial metadata of an OK unary answer asks for.
pub(crate) fn unary(metadata: &HeaderMap, headers: &mut HeaderMap) -> StatusCode {
    honour(&UNARY, metadata, headers);
    let status = metadata
        .get(HTTP_STATUS)
        .and_then(|value| StatusCode::from_bytes(value.as_bytes()).ok());
    status.filter(StatusCode::is_success).unwrap_or(StatusCode::OK)
}

/// The headers that the initial metadata of a server stream asks for.
pub(crate) fn stream(metadata: &HeaderMap, headers: &mut HeaderMap) {
    honour(&STREAM, metadata, headers);
}

/// Other response metadata becomes `grpc-metadata-<name>`, binary values as the base64 they travel in.
pub(crate) fn forward(metadata: &HeaderMap, headers: &mut HeaderMap) {
    for (name, value) in metadata {
        if is_reserved(name) || UNARY.contains(name) || *name == HTTP_STATUS || *name == REQUEST_ID {
            continue;
        }
        if let Ok(name) = HeaderName::try_from(format!("grpc-metadata-{name}")) {
            headers.append(name, value.clone());
        }
    }
}

/// Takes away what belongs to one hop, also what `Connection` names.
pub(crate) fn strip_hop(headers: &mut HeaderMap) {
    let named: Vec<_> = headers
        .get_all(http::header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP {
        headers.remove(name);
    }
}

fn honour(names: &[HeaderName], metadata: &HeaderMap, headers: &mut HeaderMap) {
    for name in names {
        if let Some(value) = metadata.get(name) {
            headers.insert(name, value.clone());
        }
    }
}

/// The values of a binary header.
fn parts(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
}

/// Names that carry the protocol itself.
fn is_reserved(name: &HeaderName) -> bool {
    let own = [CONTENT_TYPE, CONTENT_LENGTH, DATE, SERVER, http::header::HOST];
    name.as_str().starts_with("grpc-") || HOP.contains(&name.as_str()) || own.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn reserved_names_pass_in_no_direction_even_when_allowed() {
        let names = ["authorization", "grpc-timeout", "connection", "te"].map(HeaderName::from_static);
        let given = headers(&[
            ("authorization", "Bearer x"),
            ("grpc-timeout", "1S"),
            ("te", "trailers"),
        ]);
        let mut metadata = HeaderMap::new();
        allow(&given, &names, &mut metadata).unwrap();
        assert_eq!(metadata, headers(&[("authorization", "Bearer x")]));
    }

    #[test]
    fn binary_values_are_base64_and_each_has_a_header_of_its_own() {
        let name = HeaderName::from_static("x-key-bin");
        for (text, expected) in [
            ("AQI=", Some(&["AQI="][..])),
            ("AQI", Some(&["AQI"])),
            ("AQI, AQID,", Some(&["AQI", "AQID", "", "AA"])),
            ("", Some(&[""])),
            ("a b", None),
            ("AQI,-", None),
        ] {
            let mut given = headers(&[("x-key-bin", text), ("x-other", "a,b")]);
            if text.contains(',') {
                given.append(&name, HeaderValue::from_static("AA"));
            }
            let result = separate_binary(&mut given);
            let values: Vec<_> = given
                .get_all(&name)
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect();
            assert_eq!(result.ok().map(|()| values.as_slice()), expected, "{text}");
            assert_eq!(given["x-other"], "a,b");
        }
    }

    #[test]
    fn other_metadata_is_prefixed() {
        let given = headers(&[
            ("a", "1"),
            ("b-bin", "AQI="),
            ("etag", "x"),
            ("grpc-encoding", "gzip"),
        ]);
        let mut out = HeaderMap::new();
        forward(&given, &mut out);
        assert_eq!(
            out,
            headers(&[("grpc-metadata-a", "1"), ("grpc-metadata-b-bin", "AQI=")])
        );
    }

    #[test]
    fn a_status_is_honoured_within_the_two_hundreds() {
        for (given, status) in [("202", 202), ("299", 299), ("302", 200), ("404", 200), ("x", 200)] {
            assert_eq!(
                unary(&headers(&[("http-status", given)]), &mut HeaderMap::new()),
                status
            );
        }
    }

    #[test]
    fn an_unusable_request_id_is_replaced() {
        assert_eq!(request_id(&headers(&[("x-request-id", "a b")])), "a b");
        for given in [&[][..], &[("x-request-id", "")], &[("x-request-id", "tab\there")]] {
            assert_eq!(request_id(&headers(given)).len(), 36);
        }
    }

    #[test]
    fn what_connection_names_belongs_to_the_hop() {
        let mut given = headers(&[
            ("connection", "close, x-a"),
            ("x-a", "1"),
            ("x-b", "2"),
            ("te", "trailers"),
        ]);
        strip_hop(&mut given);
        assert_eq!(given, headers(&[("x-b", "2")]));
    }
}
