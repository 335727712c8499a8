//! Ends the streams of services that are not ours when the server goes away: health watches and reflection would go on for as long as
//! their callers like, and hold the shutdown up.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

use super::problem::Problem;

/// The response, whose body ends with UNAVAILABLE at the shutdown if it did not before.
pub(super) fn at_shutdown(response: Response<Body>, shutdown: &CancellationToken) -> Response<Body> {
    response.map(|inner| {
        Body::new(Ending {
            inner,
            shutdown: Box::pin(shutdown.clone().cancelled_owned()),
            is_over: false,
        })
    })
}

struct Ending {
    inner: Body,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    is_over: bool,
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // What is there already goes out first.
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if self.shutdown.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.is_over = true;
        let mut trailers = HeaderMap::new();
        Status::from(Problem::shutting_down()).add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
