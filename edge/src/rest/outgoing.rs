//! What a REST call sends upstream: one message, read and bound as a whole, or a stream of them, bound on the way.

use bytes::Bytes;
use tonic::body::Body;

use super::{Call, Target};
use crate::bind::{self, Input};
use crate::load::Room;
use crate::problem::Problem;
use crate::receive;
use crate::requests::{Faults, Head, Requests};
use crate::route;

/// The frames of a call.
pub(super) enum Outgoing {
    /// One, there already, and the room that it takes.
    Whole(Bytes, Room),
    /// Several on their way, and what may go wrong with them while the call is open.
    Stream(Box<Requests>, Faults),
}

/// Reads what is there to be sent, or begins to.
pub(super) async fn outgoing(call: &Call<'_>, target: &Target<'_>, body: Body) -> Result<Outgoing, Problem> {
    let has_body = !matches!(target.route.body, route::Body::None);
    if target.route.rpc.streams.requests && has_body {
        let (requests, faults) = messages(call, target, body).await?;
        return Ok(Outgoing::Stream(Box::new(requests), faults));
    }
    let mut room = call.core.load().room();
    let frame = message(call, target, body, &mut room).await?;
    room.resize(frame.len())?;
    Ok(Outgoing::Whole(frame.into(), room))
}

/// The framed request message.
async fn message(
    call: &Call<'_>,
    target: &Target<'_>,
    body: Body,
    room: &mut Room,
) -> Result<Vec<u8>, Problem> {
    let limits = call.core.limits().body();
    let headers = &call.head.headers;
    let body = match target.route.body {
        route::Body::None => receive::unexpected(body, limits).await?,
        _ if target.route.raw_body.is_some() => receive::raw(headers, body, limits, room).await?,
        route::Body::Whole | route::Body::Field { .. } => receive::body(headers, body, limits, room).await?,
    };
    let input = Input {
        path: &target.path,
        has_verb: target.has_verb,
        query: call.head.uri.query(),
        body: &body,
        content_type: content_type(call, target)?,
        resume: target.resume.map(http::HeaderValue::as_bytes),
    };
    bind::bind(target.route, &input).map_err(|error| match error {
        bind::Error::Invalid(violations) => Problem::invalid_request(violations),
        bind::Error::TooLarge => Problem::body_too_large(limits.bytes_max),
    })
}

/// The framed request messages.
async fn messages(call: &Call<'_>, target: &Target<'_>, body: Body) -> Result<(Requests, Faults), Problem> {
    let limits = call.core.limits().pieces();
    let headers = &call.head.headers;
    let room = call.core.load().room();
    let pieces = match target.route.raw_body {
        Some(_) => receive::raw_pieces(headers, body, limits, room)?,
        None => receive::elements(headers, body, limits, room)?,
    };
    let head = Head {
        route: target.index,
        uri: call.head.uri.clone(),
        has_verb: target.has_verb,
        resume: target.resume.cloned(),
        content_type: content_type(call, target)?.to_owned(),
    };
    let may_speak_first = target.route.rpc.streams.answers;
    Requests::begin(call.core.clone(), head, pieces, may_speak_first).await
}

fn content_type<'a>(call: &Call<'a>, target: &Target<'_>) -> Result<&'a str, Problem> {
    match target.route.raw_body {
        Some(_) => receive::raw_type(&call.head.headers),
        None => Ok(""),
    }
}
