//! The service behind the edge: speaks gRPC by hand, on messages known by their descriptors alone, and tells the
//! test what it was asked.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tokio::sync::mpsc;

/// What a test has the service do.
pub(crate) type Handler = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

/// A call as the service received it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) metadata: HeaderMap,
    /// The request message as JSON, defaults left out; an array of them where there is a stream.
    pub(crate) message: Value,
    method: MethodDescriptor,
}

/// The answer to it.
pub(crate) struct Reply {
    metadata: HeaderMap,
    frames: BoxStream<'static, Frame<Bytes>>,
}

pub(crate) type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// The service of a test.
#[derive(Clone)]
pub(crate) struct Library {
    pub(crate) pool: DescriptorPool,
    pub(crate) handler: Handler,
    pub(crate) calls: mpsc::UnboundedSender<Call>,
}

impl Library {
    pub(crate) async fn answer<B>(self, request: Request<B>) -> Result<Response<Body>, Infallible>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let method = self.method(&path);
        let bytes = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let mut messages: Vec<_> = unframed(bytes)
            .map(|message| DynamicMessage::decode(method.input(), message).unwrap())
            .map(|message| serde_json::to_value(&message).unwrap())
            .collect();
        let message = match method.is_client_streaming() {
            true => Value::Array(messages),
            false => messages.remove(0),
        };
        let call = Call {
            path,
            metadata: head.headers,
            message,
            method,
        };
        let reply = (self.handler)(&call);
        let _ = self.calls.send(call);
        let mut response = Response::new(StreamBody::new(reply.frames.map(Ok).boxed()));
        *response.headers_mut() = reply.metadata;
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/grpc"));
        Ok(response)
    }

    fn method(&self, path: &str) -> MethodDescriptor {
        let (service, method) = path[1..].split_once('/').unwrap();
        let service = self.pool.get_service_by_name(service).unwrap();
        service.methods().find(|known| known.name() == method).unwrap()
    }
}

impl Call {
    /// One message and OK.
    pub(crate) fn ok(&self, message: Value) -> Reply {
        Reply::frames(vec![self.frame(message), ok()])
    }

    /// These messages, then what the sender does: more messages, an end, or nothing for ever.
    pub(crate) fn stream(&self, messages: &[Value], rest: mpsc::Receiver<Frame<Bytes>>) -> Reply {
        let first: Vec<_> = messages
            .iter()
            .map(|message| self.frame(message.clone()))
            .collect();
        let rest = stream::unfold(rest, |mut rest| async move { Some((rest.recv().await?, rest)) });
        Reply {
            metadata: HeaderMap::new(),
            frames: stream::iter(first).chain(rest).boxed(),
        }
    }

    /// A message in its frame.
    pub(crate) fn frame(&self, message: Value) -> Frame<Bytes> {
        let message = DynamicMessage::deserialize(self.method.output(), message).unwrap();
        Frame::data(framed(&message.encode_to_vec()))
    }
}

impl Reply {
    pub(crate) fn frames(frames: Vec<Frame<Bytes>>) -> Self {
        Self {
            metadata: HeaderMap::new(),
            frames: stream::iter(frames).boxed(),
        }
    }

    /// A status in the head alone.
    pub(crate) fn error(code: i32, message: &'static str) -> Self {
        Self::frames(Vec::new())
            .with("grpc-status", &code.to_string())
            .with("grpc-message", message)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap();
        self.metadata.append(name, HeaderValue::try_from(value).unwrap());
        self
    }
}

/// Trailers that say OK.
pub(crate) fn ok() -> Frame<Bytes> {
    trailers(&[("grpc-status", "0")])
}

pub(crate) fn trailers(pairs: &[(&'static str, &'static str)]) -> Frame<Bytes> {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    Frame::trailers(pairs.collect())
}

/// The messages of a body.
pub(crate) fn unframed(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let mut frame = (!bytes.is_empty()).then(|| bytes.split_off(0))?;
        let length = u32::from_be_bytes(frame[1..5].try_into().unwrap());
        bytes = frame.split_off(5 + usize::try_from(length).unwrap());
        Some(frame.slice(5..))
    })
}

pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    frame.freeze()
}
