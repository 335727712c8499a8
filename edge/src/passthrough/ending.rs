//! Ends an answer of gRPC with a status, between two messages: when something interrupts it, and when the upstream breaks it off.
//!
//! Without it a watch that lasts for ever would hold up the shutdown, or be cut in the middle of a message; a deadline
//! that the upstream misses would be missed for the caller, too; and a server that dies would be an error of the edge's own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::Frame;
use tonic::body::Body;

use super::Log;
use crate::bind::FRAME_HEADER_BYTES;
use crate::call;
use crate::core::Core;
use crate::interrupt::Interrupt;
use crate::problem::Problem;

/// An answer whose status is still to come.
pub(super) struct Ending {
    body: Body,
    boundary: Boundary,
    interrupt: Interrupt,
    core: Arc<Core>,
    log: Log,
    has_ended: bool,
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
    pub(super) fn new(body: Body, interrupt: Interrupt, core: Arc<Core>, log: Log) -> Self {
        Self {
            body,
            boundary: Boundary::default(),
            interrupt,
            core,
            log,
            has_ended: false,
        }
    }

    /// Lets go of the upstream.
    fn end(&mut self) {
        self.body = Body::empty();
        self.has_ended = true;
    }

    /// The status, or within a message no more than an end: a part must not pass for the whole.
    fn fail(&mut self, problem: &Problem) -> Result<Frame<Bytes>, tonic::Status> {
        self.end();
        self.log.tell(problem);
        match self.boundary.is_between() {
            true => Ok(Frame::trailers(problem.to_trailers(self.core.details()))),
            false => Err(tonic::Status::new(problem.code(), "the answer is not complete")),
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
        if self.has_ended {
            return Poll::Ready(None);
        }
        if self.boundary.is_between()
            && !self.body.is_end_stream()
            && let Poll::Ready(problem) = self.interrupt.poll(cx)
        {
            return Poll::Ready(Some(self.fail(&problem)));
        }
        let problem = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => {
                match frame.data_ref() {
                    Some(data) => self.boundary.pass(data.clone()),
                    None => self.end(),
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            Some(Err(error)) => call::transport(&error),
            None => Problem::internal("upstream ended without trailers"),
        };
        Poll::Ready(Some(self.fail(&problem)))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
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
