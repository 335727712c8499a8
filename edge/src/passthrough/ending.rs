//! Ends a server stream of gRPC with UNAVAILABLE when the server shuts down, between two messages.
//!
//! Without it a watch that lasts for ever would hold up the shutdown, or be cut in the middle of a message.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::Frame;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::body::Body;

use crate::bind::FRAME_HEADER_BYTES;
use crate::edge::Core;
use crate::problem::Problem;
use crate::serve::Shutdown;

/// A stream of gRPC frames that ends when the server does.
pub(crate) struct Ending {
    body: Body,
    boundary: Boundary,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    core: Arc<Core>,
}

/// Where in a message the stream stands.
#[derive(Debug, Default)]
struct Boundary {
    header: [u8; FRAME_HEADER_BYTES],
    header_bytes: usize,
    /// Bytes of the message that are still to come.
    message_bytes: u64,
}

impl Ending {
    pub(crate) fn new(body: Body, shutdown: &Shutdown, core: Arc<Core>) -> Self {
        Self {
            body,
            boundary: Boundary::default(),
            shutdown: Box::pin(shutdown.0.clone().cancelled_owned()),
            core,
        }
    }
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let is_open = !self.body.is_end_stream();
        if is_open && self.boundary.is_between() && self.shutdown.as_mut().poll(cx).is_ready() {
            self.body = Body::empty();
            let trailers = Problem::shutting_down().to_trailers(self.core.details());
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => self.boundary.pass(data.clone()),
                None => self.body = Body::empty(),
            },
            Some(Err(_)) | None => self.body = Body::empty(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

impl Boundary {
    fn is_between(&self) -> bool {
        self.header_bytes == 0 && self.message_bytes == 0
    }

    fn pass(&mut self, mut data: Bytes) {
        while data.has_remaining() {
            if self.message_bytes > 0 {
                let passed = (data.len() as u64).min(self.message_bytes);
                self.message_bytes -= passed;
                data.advance(usize::try_from(passed).unwrap_or(data.len()));
                continue;
            }
            self.header[self.header_bytes] = data.get_u8();
            self.header_bytes += 1;
            if self.header_bytes == FRAME_HEADER_BYTES {
                let [_, length @ ..] = self.header;
                self.message_bytes = u64::from(u32::from_be_bytes(length));
                self.header_bytes = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_found_however_the_bytes_are_cut() {
        let bytes = [
            &[0, 0, 0, 0, 2][..],
            b"ab",
            &[0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 1],
            b"c",
        ]
        .concat();
        for size in 1..=bytes.len() {
            let mut boundary = Boundary::default();
            let mut passed = 0;
            for piece in bytes.chunks(size) {
                boundary.pass(Bytes::copy_from_slice(piece));
                passed += piece.len();
                assert_eq!(boundary.is_between(), [7, 12, 18].contains(&passed), "{passed}");
            }
        }
    }
}
