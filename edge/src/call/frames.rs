//! gRPC's length-prefixed messages out of the data frames of a body, and the status behind them.
//!
//! One message at a time, each bounded; a compressed one was not asked for and is refused.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use tonic::body::Body;

use super::status;
use crate::bind::FRAME_HEADER_BYTES;
use crate::problem::Problem;

/// The messages of an answer.
#[derive(Debug)]
pub(crate) struct Frames {
    body: Body,
    message_bytes_max: usize,
    /// What has arrived and is not read yet.
    chunk: Bytes,
    /// A message, header included, that did not arrive in one piece.
    partial: BytesMut,
    trailers: HeaderMap,
    has_ended: bool,
}

impl Frames {
    pub(crate) fn new(body: Body, message_bytes_max: usize) -> Self {
        Self {
            body,
            message_bytes_max,
            chunk: Bytes::new(),
            partial: BytesMut::new(),
            trailers: HeaderMap::new(),
            has_ended: false,
        }
    }

    /// An answer without messages whose status, OK, is known.
    pub(crate) fn ended() -> Self {
        Self {
            has_ended: true,
            ..Self::new(Body::empty(), 0)
        }
    }

    /// The trailing metadata, once the last message was read.
    pub(crate) fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    /// The next message; None after an OK status.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same by hand. A problem is the last thing told.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        loop {
            if self.has_ended {
                return Poll::Ready(None);
            }
            match self.take_message() {
                Ok(None) => {}
                Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                Err(problem) => return Poll::Ready(Some(Err(self.fail(problem)))),
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(self.fail(status::transport(&error))))),
                None => {
                    return Poll::Ready(Some(Err(
                        self.fail(Problem::internal("upstream ended without trailers"))
                    )));
                }
            };
            match frame.into_data() {
                Ok(data) => self.chunk = data,
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return Poll::Ready(self.end(trailers).err().map(Err));
                }
            }
        }
    }

    /// Takes a message off what has arrived; None when it is not complete.
    fn take_message(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.partial.is_empty() {
            let size = self.frame_bytes(&self.chunk)?;
            if let Some(size) = size.filter(|size| *size <= self.chunk.len()) {
                let mut frame = self.chunk.split_to(size);
                frame.advance(FRAME_HEADER_BYTES);
                return Ok(Some(frame));
            }
        }
        self.gather(FRAME_HEADER_BYTES);
        let Some(size) = self.frame_bytes(&self.partial)? else {
            return Ok(None);
        };
        self.gather(size);
        if self.partial.len() < size {
            return Ok(None);
        }
        let mut frame = std::mem::take(&mut self.partial).freeze();
        frame.advance(FRAME_HEADER_BYTES);
        Ok(Some(frame))
    }

    /// Moves what has arrived to the partial message until that is `size` long.
    fn gather(&mut self, size: usize) {
        let missing = size.saturating_sub(self.partial.len());
        if missing > 0 && !self.chunk.is_empty() {
            self.partial.reserve(missing);
            let piece = self.chunk.split_to(missing.min(self.chunk.len()));
            self.partial.extend_from_slice(&piece);
        }
    }

    /// The size of a whole frame by its header; None while that is not complete.
    fn frame_bytes(&self, buffer: &[u8]) -> Result<Option<usize>, Problem> {
        let Some(header) = buffer.first_chunk::<FRAME_HEADER_BYTES>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *header;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if flag != 0 {
            return Err(Problem::internal("upstream sent a compressed message"));
        }
        if length > self.message_bytes_max {
            return Err(Problem::internal("upstream sent a message beyond the limit"));
        }
        Ok(Some(FRAME_HEADER_BYTES + length))
    }

    fn end(&mut self, trailers: HeaderMap) -> Result<(), Problem> {
        self.has_ended = true;
        match status::is_ok(&trailers) {
            Some(true) if self.partial.is_empty() => {
                self.trailers = trailers;
                Ok(())
            }
            Some(true) => Err(Problem::internal("upstream sent half a message")),
            Some(false) => Err(status::problem(trailers)),
            None => Err(Problem::internal("upstream sent trailers without a status")),
        }
    }

    /// Lets go of the upstream: nothing more is read.
    fn fail(&mut self, problem: Problem) -> Problem {
        self.has_ended = true;
        self.body = Body::empty();
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http_body::Frame;
    use http_body_util::StreamBody;

    fn frames(chunks: Vec<Vec<u8>>, status: Option<&'static str>) -> Frames {
        let mut parts: Vec<_> = chunks
            .into_iter()
            .map(|chunk| Frame::data(Bytes::from(chunk)))
            .collect();
        if let Some(status) = status {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static(status));
            parts.push(Frame::trailers(trailers));
        }
        let stream = futures::stream::iter(parts).map(Ok::<_, tonic::Status>);
        Frames::new(Body::new(StreamBody::new(stream)), 100)
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], length.as_slice(), message].concat()
    }

    async fn read(mut frames: Frames) -> Result<Vec<Bytes>, tonic::Code> {
        let mut messages = Vec::new();
        while let Some(message) = frames.next().await {
            messages.push(message.map_err(|problem| problem.code())?);
        }
        Ok(messages)
    }

    #[tokio::test]
    async fn messages_are_found_however_they_are_cut() {
        let bytes = [framed(b"one"), framed(b""), framed(b"three")].concat();
        for size in 1..=bytes.len() {
            let chunks = bytes.chunks(size).map(<[u8]>::to_vec).collect();
            let messages = read(frames(chunks, Some("0"))).await.unwrap();
            assert_eq!(messages, [&b"one"[..], b"", b"three"], "pieces of {size}");
        }
    }

    #[tokio::test]
    async fn what_is_not_a_plain_message_is_refused() {
        let compressed = [&[1], &framed(b"x")[1..]].concat();
        let (large, half) = (framed(&[0; 101]), framed(b"half")[..6].to_vec());
        for (chunk, status) in [(compressed, Some("0")), (large, Some("0")), (half, Some("0"))] {
            assert_eq!(
                read(frames(vec![chunk], status)).await,
                Err(tonic::Code::Internal)
            );
        }
    }

    #[tokio::test]
    async fn the_status_in_the_trailers_is_the_end() {
        assert_eq!(read(frames(vec![], Some("5"))).await, Err(tonic::Code::NotFound));
        assert_eq!(read(frames(vec![], Some("x"))).await, Err(tonic::Code::Unknown));
        assert_eq!(
            read(frames(vec![framed(b"x")], None)).await,
            Err(tonic::Code::Internal)
        );
    }
}
