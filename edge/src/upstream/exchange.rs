//! One call on a connection: its request goes out, and its answer comes back as it arrives.
//!
//! Whoever lets go of the answer, or of the wait for it, resets the stream; what is still being sent ends then.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::FutureExt as _;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;

use super::server::Hold;

/// The body of an answer. It counts as an open call until it is dropped.
#[derive(Debug)]
pub struct Answer {
    stream: RecvStream,
    has_data: bool,
    _sending: Option<AbortOnDropHandle<()>>,
    _hold: Hold,
}

/// Sends a request, and waits for the head of its answer.
pub(super) async fn exchange(
    hold: Hold,
    mut sender: SendRequest<Bytes>,
    request: Request<Body>,
) -> Result<Response<Answer>, h2::Error> {
    let (head, body) = request.into_parts();
    let is_empty = body.is_end_stream();
    let (response, stream) = sender.send_request(Request::from_parts(head, ()), is_empty)?;
    drop(sender);
    let sending = match is_empty {
        true => None,
        false => Sending { body, stream }.begin(),
    };
    let response = response.await?;
    Ok(response.map(|stream| Answer {
        stream,
        has_data: true,
        _sending: sending,
        _hold: hold,
    }))
}

/// A request body on its way.
struct Sending {
    body: Body,
    stream: SendStream<Bytes>,
}

impl Sending {
    /// What is there already goes out with the head, as it is in memory anyway. What comes later has a task of its own,
    /// because a caller may send for as long as it likes before it reads.
    fn begin(mut self) -> Option<AbortOnDropHandle<()>> {
        if let Some(frame) = self.body.frame().now_or_never()
            && self.send_is_last(frame)
        {
            return None;
        }
        let rest = tokio::spawn(std::future::poll_fn(move |cx| self.poll(cx)));
        Some(AbortOnDropHandle::new(rest))
    }

    /// Sends as much as the server takes, until the end or until the server wants no more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.stream.reserve_capacity(1);
            while self.stream.capacity() == 0 {
                let Some(Ok(_)) = ready!(self.stream.poll_capacity(cx)) else {
                    return Poll::Ready(());
                };
            }
            if self.stream.poll_reset(cx).is_ready() {
                return Poll::Ready(());
            }
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            if self.send_is_last(frame) {
                return Poll::Ready(());
            }
        }
    }

    /// Sends a frame, or the end. A body that breaks off cancels the call: the server must not take a part for the whole.
    fn send_is_last(&mut self, frame: Option<Result<Frame<Bytes>, tonic::Status>>) -> bool {
        let is_last = self.body.is_end_stream();
        let sent = match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => match self.stream.send_data(data, is_last) {
                Ok(()) if !is_last => return false,
                sent => sent,
            },
            Some(Ok(Err(trailers))) => {
                let trailers = trailers.into_trailers().unwrap_or_default();
                self.stream.send_trailers(trailers)
            }
            Some(Err(_)) => {
                self.stream.send_reset(Reason::CANCEL);
                Ok(())
            }
            None => self.stream.send_data(Bytes::new(), true),
        };
        if let Err(error) = sent {
            // Whoever waits for the answer is told, too.
            tracing::debug!(%error, "upstream takes no more of a request");
        }
        true
    }
}

impl Answer {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let data = ready!(self.stream.poll_data(cx));
        if let Some(Ok(data)) = &data {
            // Fails when the stream has ended, and then there is no window to open.
            let _ = self.stream.flow_control().release_capacity(data.len());
        }
        Poll::Ready(data)
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if self.has_data {
            match ready!(self.poll_data(cx)) {
                Some(Ok(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Err(error)) => return Poll::Ready(broken(error)),
                None => self.has_data = false,
            }
        }
        Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => broken(error),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A server that wants to hear no more of the request ends its answer like that (RFC 9113, section 8.1).
fn broken(error: h2::Error) -> Option<Result<Frame<Bytes>, h2::Error>> {
    match error.reason() {
        Some(Reason::NO_ERROR) => None,
        _ => Some(Err(error)),
    }
}
