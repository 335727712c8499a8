//! Ends an answer of gRPC with a status when something interrupts it, between two messages.
//!
//! Without it a watch that lasts for ever would hold up the shutdown, or be cut in the middle of a message; and a deadline
//! that the upstream misses would be missed for the caller, too.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::Frame;
use tonic::body::Body;

use crate::bind::FRAME_HEADER_BYTES;
use crate::core::Core;
use crate::interrupt::Interrupt;

/// A stream of gRPC frames that may be interrupted.
pub(crate) struct Ending {
    body: Body,
    boundary: Boundary,
    interrupt: Interrupt,
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
    pub(crate) fn new(body: Body, interrupt: Interrupt, core: Arc<Core>) -> Self {
        Self {
            body,
            boundary: Boundary::default(),
            interrupt,
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
        if is_open
            && self.boundary.is_between()
            && let Poll::Ready(problem) = self.interrupt.poll(cx)
        {
            self.body = Body::empty();
            let trailers = problem.to_trailers(self.core.details());
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
