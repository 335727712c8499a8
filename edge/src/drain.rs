//! Reads what is left of a request body that was answered early.
//!
//! Over HTTP/1.1 hyper closes a connection whose request was not read to its end, and a client that still writes sees
//! a broken pipe instead of the answer. So the body is lent to whoever reads it; what comes back unread is read
//! behind the answer's head, up to a limit of bytes and time. HTTP/2 resets the stream alone and needs none of this.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Version, header};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

/// Bytes read and dropped at most; a larger rest is left, and the connection is closed.
const BYTES_MAX: usize = 8 << 20;
/// Time for that.
const TIME_MAX: Duration = Duration::from_secs(2);

/// A request body on loan.
#[derive(Debug)]
struct Lent {
    body: Option<tonic::body::Body>,
    home: Option<oneshot::Sender<tonic::body::Body>>,
}

/// Where a body comes back to that its reader let go of.
#[derive(Debug)]
pub(crate) struct Home {
    body: oneshot::Receiver<tonic::body::Body>,
    /// How long to wait for a reader that holds on to it though the answer is complete.
    time: Option<Pin<Box<Sleep>>>,
}

/// An answer that reads the rest of its request.
#[derive(Debug)]
pub(crate) struct Drained<B> {
    answer: Option<B>,
    home: Option<Home>,
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    body: tonic::body::Body,
    bytes_left: usize,
    time: Pin<Box<Sleep>>,
}

/// Lends a body, if a rest of it would matter: over HTTP/1, unless its sender waits for `100 Continue`.
pub(crate) fn lend(
    version: Version,
    headers: &HeaderMap,
    body: tonic::body::Body,
) -> (tonic::body::Body, Option<Home>) {
    if version > Version::HTTP_11 || body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return (body, None);
    }
    let (sender, receiver) = oneshot::channel();
    let lent = Lent {
        body: Some(body),
        home: Some(sender),
    };
    let home = Home {
        body: receiver,
        time: None,
    };
    (tonic::body::Body::new(lent), Some(home))
}

/// The answer to a request whose body was lent. Nothing is added when that was read to its end.
pub(crate) fn behind<B: From<Drained<B>>>(answer: B, mut home: Home) -> B {
    let (home, rest) = match home.body.try_recv() {
        Err(oneshot::error::TryRecvError::Closed) => return answer,
        Err(oneshot::error::TryRecvError::Empty) => (Some(home), None),
        Ok(body) if body.is_end_stream() => return answer,
        Ok(body) => (None, Some(Rest::new(body))),
    };
    B::from(Drained {
        answer: Some(answer),
        home,
        rest,
    })
}

impl<B: Body<Data = Bytes, Error = tonic::Status> + Unpin> Drained<B> {
    /// The rest is read before the next frame once it has come back, and before the end in any case.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(rest.poll(cx));
                self.rest = None;
            }
            if let Some(home) = &mut self.home
                && let Some(rest) = ready!(home.poll(self.answer.is_none(), cx))
            {
                self.home = None;
                self.rest = rest;
                continue;
            }
            let Some(answer) = &mut self.answer else {
                return Poll::Ready(None);
            };
            match ready!(Pin::new(answer).poll_frame(cx)) {
                // Dropped at once: the upstream then lets go of the request.
                None => self.answer = None,
                frame => return Poll::Ready(frame),
            }
        }
    }

    /// An answer without a body is told as one of unknown size: hyper would not ask it for its end.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let hint = self.answer.as_ref().map(Body::size_hint);
        hint.filter(|hint| hint.exact() != Some(0)).unwrap_or_default()
    }
}

impl Home {
    /// Some when the matter is settled: a rest to read, or none. Waits only when the answer has ended.
    fn poll(&mut self, has_ended: bool, cx: &mut Context<'_>) -> Poll<Option<Option<Rest>>> {
        match Pin::new(&mut self.body).poll(cx) {
            Poll::Ready(body) => return Poll::Ready(Some(body.ok().map(Rest::new))),
            Poll::Pending if !has_ended => return Poll::Ready(None),
            Poll::Pending => {}
        }
        let time = self.time.get_or_insert_with(|| Box::pin(sleep(TIME_MAX)));
        time.as_mut().poll(cx).map(|()| Some(None))
    }
}

impl Rest {
    fn new(body: tonic::body::Body) -> Self {
        Self {
            body,
            bytes_left: BYTES_MAX,
            time: Box::pin(sleep(TIME_MAX)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.time.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let Some(Ok(frame)) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                return Poll::Ready(());
            };
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let Some(left) = self.bytes_left.checked_sub(bytes) else {
                return Poll::Ready(());
            };
            self.bytes_left = left;
        }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(tonic::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), tonic::body::Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(home)) = (self.body.take(), self.home.take()) {
            // The answer may be gone already; then there is nobody to read for.
            let _ = home.send(body);
        }
    }
}
