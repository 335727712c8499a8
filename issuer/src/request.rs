//! A token request (RFC 6749 §4.4.2): who asks, how it was shown, and for what.
//!
//! Pure: headers and bytes in, a grant or the reason against it out.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::client::Client;

const FORM: &str = "application/x-www-form-urlencoded";

/// A token to be made.
pub(crate) struct Grant {
    pub(crate) client: &'static Client,
    pub(crate) scope: String,
}

/// Why there is none (RFC 6749 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    InvalidRequest,
    /// Whether the client tried HTTP Basic.
    InvalidClient {
        basic: bool,
    },
    UnsupportedGrantType,
    InvalidScope,
}

/// Credentials as they were sent.
struct Credentials {
    id: String,
    secret: String,
}

impl Grant {
    /// Reads a request.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let form = form(headers, body)?;
        let client = client(headers, &form)?;
        match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {}
            Some(_) => return Err(Refusal::UnsupportedGrantType),
            None => return Err(Refusal::InvalidRequest),
        }
        let scope = client
            .grant(form.get("scope").map(String::as_str))
            .ok()
            .ok_or(Refusal::InvalidScope)?;
        Ok(Self { client, scope })
    }
}

/// The parameters. One that stands twice makes the request invalid, one without a value is as good as none (RFC 6749 §3.2).
fn form(headers: &HeaderMap, body: &[u8]) -> Result<HashMap<String, String>, Refusal> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    // A request without a body has no type either, and lacks its credentials first of all.
    let is_absent = body.is_empty() && media_type.is_empty();
    if !is_absent && !media_type.eq_ignore_ascii_case(FORM) {
        return Err(Refusal::InvalidRequest);
    }
    let mut form = HashMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(Refusal::InvalidRequest);
        }
    }
    form.retain(|_, value| !value.is_empty());
    Ok(form)
}

/// Who asks, shown in one of two ways, never in both.
fn client(headers: &HeaderMap, form: &HashMap<String, String>) -> Result<&'static Client, Refusal> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        let credentials = form.get("client_id").zip(form.get("client_secret"));
        let client = credentials.and_then(|(id, secret)| Client::authenticate(id, secret));
        return client.ok_or(Refusal::InvalidClient { basic: false });
    };
    if form.contains_key("client_secret") {
        return Err(Refusal::InvalidRequest);
    }
    let credentials = authorization
        .to_str()
        .ok()
        .and_then(basic)
        .ok_or(Refusal::InvalidClient { basic: true })?;
    if form.get("client_id").is_some_and(|id| *id != credentials.id) {
        return Err(Refusal::InvalidRequest);
    }
    Client::authenticate(&credentials.id, &credentials.secret).ok_or(Refusal::InvalidClient { basic: true })
}

/// HTTP Basic, both parts form-encoded before (RFC 6749 §2.3.1).
fn basic(authorization: &str) -> Option<Credentials> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = credentials.split_once(':')?;
    Some(Credentials {
        id: decode(id),
        secret: decode(secret),
    })
}

fn decode(text: &str) -> String {
    // One value without a name would be read as a name without a value.
    let pair = format!("v={}", text.replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect()
}
