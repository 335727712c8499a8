//! One message as the answer of a unary call: JSON, or raw bytes.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, Method, Response, StatusCode};

use super::download;
use crate::call::Answer;
use crate::etag;
use crate::metadata;
use crate::problem::{Problem, content_type};
use crate::route::{Raw, Route};

/// Reads the one message, and writes it with the status and headers that the metadata asks for.
pub(crate) async fn unary(
    route: &Route,
    method: &Method,
    request_headers: &HeaderMap,
    mut answer: Answer,
) -> Result<Response<Bytes>, Problem> {
    let message = only_message(&mut answer).await?;
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    metadata::forward(&answer.metadata, headers);
    metadata::forward(answer.frames.trailers(), headers);
    let status = metadata::unary(&answer.metadata, headers);
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    if is_safe && etag::is_known(request_headers, headers) {
        return Ok(not_modified(response));
    }
    if status != StatusCode::NO_CONTENT && status != StatusCode::RESET_CONTENT {
        let body = match route.raw_response {
            Some(raw) => raw_body(raw, message, headers)?,
            None => {
                headers.insert(CONTENT_TYPE, content_type());
                to_json(route, &message)?
            }
        };
        *response.body_mut() = body;
    }
    *response.status_mut() = status;
    Ok(response)
}

async fn only_message(answer: &mut Answer) -> Result<Bytes, Problem> {
    let Some(message) = answer.frames.next().await.transpose()? else {
        return Err(Problem::internal(
            "upstream answered a unary call without a message",
        ));
    };
    if answer.frames.next().await.transpose()?.is_some() {
        return Err(Problem::internal(
            "upstream answered a unary call with several messages",
        ));
    }
    Ok(message)
}

fn raw_body(raw: Raw, message: Bytes, headers: &mut HeaderMap) -> Result<Bytes, Problem> {
    let body = download::decode(raw, message)?;
    download::typed(&body, headers)?;
    Ok(body.data)
}

fn to_json(route: &Route, wire: &[u8]) -> Result<Bytes, Problem> {
    let mut json = Vec::with_capacity(wire.len() * 2 + 64);
    match route.response.to_json(wire, &mut json) {
        Ok(()) => Ok(json.into()),
        Err(error) => Err(unprintable(&error)),
    }
}

/// A message of the upstream that its own descriptor does not fit.
pub(super) fn unprintable(error: &postern_protojson::Error) -> Problem {
    Problem::internal(format!("upstream sent a message that cannot be printed: {error}"))
}

/// 304 keeps what a cache needs, and no more.
fn not_modified(mut response: Response<Bytes>) -> Response<Bytes> {
    let mut headers = HeaderMap::new();
    for name in [ETAG, CACHE_CONTROL] {
        if let Some(value) = response.headers_mut().remove(&name) {
            headers.insert(name, value);
        }
    }
    *response.headers_mut() = headers;
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}
