//! The request of a call of one message on its way upstream, in its caller's pace: one that never comes is not waited for.
//!
//! Streams of requests do not come here. Theirs may be silent as long as they like.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tonic::body::Body;

use crate::problem::Problem;
use crate::receive::{Pace, PaceLimits};
use crate::requests::Faults;

/// The same frames, as long as they come fast enough.
pub(super) struct Paced {
    body: Body,
    pace: Pace,
    fault: Option<oneshot::Sender<Problem>>,
}

impl Paced {
    /// What is too slow, or cannot be read, is told to whoever waits for the answer; the upstream sees a cancellation.
    pub(super) fn new(body: Body, limits: PaceLimits) -> (Self, Faults) {
        let (fault, faults) = Faults::channel();
        let paced = Self {
            body,
            pace: Pace::new(limits),
            fault: Some(fault),
        };
        (paced, faults)
    }

    fn fail(&mut self, problem: Problem) {
        if let Some(fault) = self.end() {
            // Nobody may wait for it any more.
            let _ = fault.send(problem);
        }
    }

    fn end(&mut self) -> Option<oneshot::Sender<Problem>> {
        self.body = Body::empty();
        self.fault.take()
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.pace.poll_too_slow(cx).map(|()| {
                self.fail(Problem::deadline_exceeded());
                Some(Err(tonic::Status::cancelled(
                    "the caller's request does not come",
                )))
            });
        };
        match &frame {
            Some(Ok(frame)) => self.pace.advance(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(error)) => self.fail(Problem::unreadable_body(error.message())),
            None => drop(self.end()),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
