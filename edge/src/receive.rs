//! Takes in the body of a REST request: its type, its size, its time. Knows nothing of what it says.

mod elements;
mod pace;
mod pieces;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use tonic::body::Body;

use crate::load::Room;
use crate::problem::Problem;
use elements::Form;
pub(crate) use pace::{Limits as PaceLimits, Pace};
pub(crate) use pieces::{Limits as PiecesLimits, Pieces};

/// Limits of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) bytes_max: usize,
    pub(crate) pace: PaceLimits,
}

/// The whole body, JSON; empty when there is none, and then its type does not matter.
pub(crate) async fn body(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    room: &mut Room,
) -> Result<Bytes, Problem> {
    whole(body, limits, room, || check_type(headers)).await
}

/// The whole body, of any type.
pub(crate) async fn raw(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
    room: &mut Room,
) -> Result<Bytes, Problem> {
    whole(body, limits, room, || raw_type(headers).map(drop)).await
}

/// A body of any type as it comes.
pub(crate) fn raw_pieces(
    headers: &HeaderMap,
    body: Body,
    limits: PiecesLimits,
    room: Room,
) -> Result<Pieces, Problem> {
    raw_type(headers)?;
    Pieces::new(body, None, limits, room)
}

/// The messages of a body, in NDJSON or in a JSON array. No body at all is none, and needs no type.
pub(crate) fn elements(
    headers: &HeaderMap,
    body: Body,
    limits: PiecesLimits,
    room: Room,
) -> Result<Pieces, Problem> {
    let form = match body.is_end_stream() {
        true => Form::Lines,
        false => form(headers)?,
    };
    Pieces::new(body, Some(form), limits, room)
}

/// The type of a raw body as the caller says it; empty when nothing is said.
pub(crate) fn raw_type(headers: &HeaderMap) -> Result<&str, Problem> {
    check_encoding(headers)?;
    let mut types = headers.get_all(CONTENT_TYPE).iter().map(HeaderValue::to_str);
    match (types.next(), types.next()) {
        (None, _) => Ok(""),
        (Some(Ok(text)), None) => Ok(text),
        _ => Err(Problem::unsupported_media_type("the body must be of one type")),
    }
}

async fn whole(
    body: Body,
    limits: Limits,
    room: &mut Room,
    check_type: impl Fn() -> Result<(), Problem>,
) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let declared = body.size_hint();
    if declared.lower() > limits.bytes_max as u64 {
        return Err(Problem::body_too_large(limits.bytes_max));
    }
    if declared.exact().is_some_and(|bytes| bytes > 0) {
        check_type()?;
    }
    let bytes = read(body, limits, room).await?;
    if !bytes.is_empty() {
        check_type()?;
    }
    Ok(bytes)
}

/// The first piece of a body where there must be none: empty if there is none indeed.
pub(crate) async fn unexpected(body: Body, limits: Limits) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let mut paced = Paced::new(body, limits.pace);
    while let Some(data) = paced.next().await? {
        if !data.is_empty() {
            return Ok(data);
        }
    }
    Ok(Bytes::new())
}

async fn read(body: Body, limits: Limits, room: &mut Room) -> Result<Bytes, Problem> {
    let bytes_max = limits.bytes_max;
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut paced = Paced::new(body, limits.pace);
    while let Some(data) = paced.next().await? {
        let bytes = first.len() + rest.len() + data.len();
        if bytes > bytes_max {
            return Err(Problem::body_too_large(bytes_max));
        }
        room.resize(bytes)?;
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([first, rest.freeze()].concat().into())
}

/// A body that must keep its pace.
#[derive(Debug)]
struct Paced {
    body: Body,
    pace: Pace,
}

impl Paced {
    fn new(body: Body, limits: PaceLimits) -> Self {
        let pace = Pace::new(limits);
        Self { body, pace }
    }

    /// The next bytes; None behind the last.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Problem>> {
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                return self
                    .pace
                    .poll_too_slow(cx)
                    .map(|()| Err(Problem::deadline_exceeded()));
            };
            let frame = match frame {
                None => return Poll::Ready(Ok(None)),
                // The client broke off; nobody will read this.
                Some(Err(_)) => return Poll::Ready(Err(Problem::malformed_body())),
                Some(Ok(frame)) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            self.pace.advance(data.len());
            return Poll::Ready(Ok(Some(data)));
        }
    }
}

/// JSON in UTF-8, not compressed.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    check_encoding(headers)?;
    match only_type(headers) {
        Some(value) if is_of(value, "application/json") => Ok(()),
        _ => Err(Problem::unsupported_media_type(
            "the body must be application/json in utf-8",
        )),
    }
}

/// How a body holds several messages.
fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    check_encoding(headers)?;
    match only_type(headers) {
        Some(value) if is_of(value, "application/x-ndjson") => Ok(Form::Lines),
        Some(value) if is_of(value, "application/json") => Ok(Form::Array),
        _ => Err(Problem::unsupported_media_type(
            "the body must be application/x-ndjson, or an array in application/json, in utf-8",
        )),
    }
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    if headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Problem::unsupported_media_type(
            "a compressed body is not accepted",
        ));
    }
    Ok(())
}

fn only_type(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    types.next().filter(|_| types.next().is_none())
}

/// Whether this is the media type, with any parameters, but in UTF-8.
fn is_of(value: &HeaderValue, media_type: &str) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let is_kind = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
    is_kind
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
                charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_may_have_parameters_but_no_other_charset() {
        for (text, expected) in [
            ("application/json", true),
            ("Application/JSON ; charset=\"UTF-8\"; v=1", true),
            ("application/json; charset=latin1", false),
            ("application/json-seq", false),
            ("text/plain", false),
            ("", false),
        ] {
            let value = HeaderValue::from_static(text);
            assert_eq!(is_of(&value, "application/json"), expected, "{text}");
        }
    }
}
