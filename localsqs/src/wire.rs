//! HTTP in, HTTP out: finds out which protocol a request speaks, reads the call in it, and writes the answer in the
//! same protocol, refusals of unreadable requests included. Knows no action and no queue.

mod json;
mod query;
mod xml;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use crate::api::Api;
use crate::fault::Fault;

/// A message of 1 MiB takes up to three bytes for one on the wire (percent-encoding; JSON escapes of what is not
/// ASCII; base64 takes less), and there is something around it.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Read and thrown away of a body that is too long, so that the client gets to read why it was refused.
const DISCARDED_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;
const BODY_READ_MAX: Duration = Duration::from_secs(30);

/// What a client asks for, whatever its protocol. Parameters have the shape of the JSON protocol; numbers may be text.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) action: String,
    pub(crate) parameters: Value,
    pub(crate) caller: Caller,
}

/// How the client reached this endpoint, to be found in the names it is given.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) host: String,
    pub(crate) region: String,
}

/// Answers one request; there is always an answer.
pub(crate) async fn answer(api: &Api, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let protocol = Protocol::of(&head.headers);
    let answer = match read(body).await.and_then(|body| protocol.read(&head, &body)) {
        Ok(call) => {
            let action = call.action.clone();
            Box::pin(api.answer(call)).await.map(|result| (action, result))
        }
        Err(fault) => Err(fault),
    };
    if let Err(fault) = &answer {
        tracing::debug!(sqs.error = fault.identity().code(), "sqs request refused");
    }
    let request_id = uuid::Uuid::now_v7().to_string();
    let mut response = protocol.write(answer, &request_id);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}

/// The two protocols of SQS.
#[derive(Debug, Clone, Copy)]
enum Protocol {
    Json,
    Query,
}

impl Protocol {
    fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(json::TARGET) {
            Self::Json
        } else {
            Self::Query
        }
    }

    fn read(self, head: &Parts, body: &[u8]) -> Result<Call, Fault> {
        // Without signatures, what a web page sends to a loopback address would be as good as any other request. SDKs
        // only POST, and browsers say where a POST comes from; where a picture's address comes from, they do not.
        if head.method != Method::POST {
            return Err(Fault::NotAPost);
        }
        if head.headers.contains_key(ORIGIN) {
            return Err(Fault::AccessDenied);
        }
        let (action, parameters) = match self {
            Self::Json => json::read(&head.headers, body),
            Self::Query => query::read(&head.uri, body),
        }?;
        Ok(Call {
            action,
            parameters,
            caller: Caller::of(head),
        })
    }

    fn write(self, answer: Result<(String, Value), Fault>, request_id: &str) -> Response<Full<Bytes>> {
        let (content_type, body) = match (self, &answer) {
            (Self::Json, Ok((_, result))) => (json::CONTENT, result.to_string()),
            (Self::Json, Err(fault)) => (json::CONTENT, json::fault(fault)),
            (Self::Query, Ok((action, result))) => (xml::CONTENT, xml::result(action, result, request_id)),
            (Self::Query, Err(fault)) => (xml::CONTENT, xml::fault(fault, request_id)),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Err(fault) = answer {
            *response.status_mut() = fault.identity().status;
            response
                .headers_mut()
                .insert("x-amzn-query-error", json::query_error(&fault));
        }
        response
    }
}

impl Caller {
    fn of(head: &Parts) -> Self {
        let text = |name| {
            head.headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        Self {
            host: text(HOST).unwrap_or("localhost").to_owned(),
            region: text(AUTHORIZATION)
                .and_then(signed_region)
                .unwrap_or("us-east-1")
                .to_owned(),
        }
    }
}

/// The region in `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/sqs/aws4_request, …`.
fn signed_region(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let scope = credential.split([',', ' ']).next()?;
    scope
        .split('/')
        .nth(2)
        .filter(|region| !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

async fn read(body: Incoming) -> Result<Bytes, Fault> {
    match timeout(BODY_READ_MAX, collect(body)).await {
        Ok(read) => read,
        Err(_elapsed) => Err(Fault::RequestTimeout(BODY_READ_MAX.as_secs())),
    }
}

async fn collect(mut body: Incoming) -> Result<Bytes, Fault> {
    let mut collected = BytesMut::new();
    let mut length_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Fault::Malformed(error.to_string()))?;
        let Some(data) = frame.data_ref() else { continue };
        length_bytes += data.len();
        if length_bytes <= BODY_BYTES_MAX {
            collected.extend_from_slice(data);
        } else if length_bytes > DISCARDED_BYTES_MAX {
            break;
        }
    }
    if length_bytes > BODY_BYTES_MAX {
        Err(Fault::RequestTooLarge(BODY_BYTES_MAX))
    } else {
        Ok(collected.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_the_one_the_client_signed_for() {
        let header = "AWS4-HMAC-SHA256 Credential=key/20250101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(signed_region(header), Some("eu-west-1"));
        for header in [
            "",
            "Bearer x",
            "AWS4-HMAC-SHA256 Credential=key",
            "AWS4 Credential=a/b/<c>/d",
        ] {
            assert_eq!(signed_region(header), None, "{header}");
        }
    }
}
