//! The messages of a REST caller on their way upstream, bound as they are read: one in flight.
//!
//! A fault in one of them ends the call: whoever waits for the answer is told, and the upstream sees a cancellation.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Uri};
use http_body::Frame;
use tokio::sync::oneshot;

use crate::bind::{self, Input};
use crate::core::Core;
use crate::problem::{Problem, Violation};
use crate::receive::Pieces;
use crate::route::Path;

/// What a call says beside its body; it goes into the first message.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) route: usize,
    pub(crate) uri: Uri,
    pub(crate) has_verb: bool,
    pub(crate) resume: Option<HeaderValue>,
    /// The type of a raw body; it goes into the first message as well.
    pub(crate) content_type: String,
}

/// The body of a call to the upstream: gRPC frames.
#[derive(Debug)]
pub(crate) struct Requests {
    binder: Binder,
    first: Option<Bytes>,
    /// None behind the end.
    pieces: Option<Pieces>,
    fault: Option<oneshot::Sender<Problem>>,
}

/// What goes wrong with the messages while their call is open. Dropping it stops them.
#[derive(Debug, Default)]
pub(crate) struct Faults(Option<oneshot::Receiver<Problem>>);

#[derive(Debug)]
struct Binder {
    core: Arc<Core>,
    head: Head,
    /// Messages so far.
    count: u64,
}

impl Requests {
    /// With its first message, so that a call with a bad one is never made. That is waited for unless the server `may_speak_first`.
    pub(crate) async fn begin(
        core: Arc<Core>,
        head: Head,
        pieces: Pieces,
        may_speak_first: bool,
    ) -> Result<(Self, Faults), Problem> {
        let (sender, faults) = Faults::channel();
        let mut requests = Self {
            binder: Binder { core, head, count: 0 },
            first: None,
            pieces: Some(pieces),
            fault: Some(sender),
        };
        let first = std::future::poll_fn(|cx| {
            let first = requests.poll_message(cx);
            match first.is_pending() && may_speak_first {
                true => Poll::Ready(None),
                false => first,
            }
        });
        requests.first = first.await.transpose()?;
        Ok((requests, faults))
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(pieces) = &mut self.pieces else {
            return Poll::Ready(None);
        };
        let piece = match ready!(pieces.poll_next(cx)) {
            Some(piece) => piece?,
            None if self.binder.is_owed() => Bytes::new(),
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(self.binder.bind(&piece)))
    }

    fn is_answered(&mut self, cx: &mut Context<'_>) -> bool {
        let fault = self.fault.as_mut();
        fault.is_some_and(|fault| fault.poll_closed(cx).is_ready())
    }

    /// Lets go of the caller's body.
    fn end(&mut self) {
        self.first = None;
        self.pieces = None;
    }
}

impl http_body::Body for Requests {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if self.is_answered(cx) {
            self.end();
            return Poll::Ready(Some(Err(tonic::Status::cancelled("answered already"))));
        }
        match ready!(self.poll_message(cx)) {
            Some(Ok(message)) => Poll::Ready(Some(Ok(Frame::data(message)))),
            Some(Err(problem)) => {
                self.end();
                if let Some(fault) = self.fault.take() {
                    // Nobody may wait for it any more.
                    let _ = fault.send(problem);
                }
                Poll::Ready(Some(Err(tonic::Status::cancelled(
                    "the caller's request is faulty",
                ))))
            }
            None => {
                self.end();
                Poll::Ready(None)
            }
        }
    }
}

impl Binder {
    fn is_raw(&self) -> bool {
        self.core.route(self.head.route).raw_body.is_some()
    }

    /// Whether there is a first message though the body has none: an empty file is a file, with a name and a type; and what path
    /// and query say is not lost.
    fn is_owed(&self) -> bool {
        self.count == 0 && (self.is_raw() || self.has_fields())
    }

    /// Whether path or query say anything.
    fn has_fields(&self) -> bool {
        let has_variables = !self.core.route(self.head.route).variables.is_empty();
        has_variables || self.head.uri.query().is_some_and(|query| !query.is_empty())
    }

    /// The gRPC frame of the next message.
    fn bind(&mut self, piece: &[u8]) -> Result<Bytes, Problem> {
        let is_first = self.count == 0;
        let head = &self.head;
        let route = self.core.route(head.route);
        let path = Path::split(if is_first { head.uri.path() } else { "" });
        let input = Input {
            path: &path,
            has_verb: head.has_verb,
            query: head.uri.query(),
            body: piece,
            content_type: if is_first { &head.content_type } else { "" },
            resume: head.resume.as_ref().map(HeaderValue::as_bytes),
        };
        let result = match is_first {
            true => bind::bind(route, &input),
            false => bind::further(route, &input),
        };
        let frame = result.map_err(|error| self.problem(error))?;
        self.count += 1;
        Ok(frame.into())
    }

    fn problem(&self, error: bind::Error) -> Problem {
        match error {
            bind::Error::Invalid(violations) if self.is_raw() => Problem::invalid_request(violations),
            bind::Error::Invalid(violations) => {
                Problem::invalid_request(violations.into_iter().map(|one| self.within(one)).collect())
            }
            bind::Error::TooLarge => {
                Problem::element_too_large(self.count, self.core.limits().message_bytes_max)
            }
        }
    }

    /// The body is a list of messages, and a pointer begins with the place in it.
    fn within(&self, violation: Violation) -> Violation {
        Violation {
            field: format!("/{}{}", self.count, violation.field),
            ..violation
        }
    }
}

impl Faults {
    /// The one fault that there may be, and who is told of it.
    pub(crate) fn channel() -> (oneshot::Sender<Problem>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(Some(receiver)))
    }

    /// Ready with what went wrong; pending for ever when nothing will.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Problem> {
        let Some(receiver) = &mut self.0 else {
            return Poll::Pending;
        };
        let result = ready!(Pin::new(receiver).poll(cx));
        self.0 = None;
        match result {
            Ok(problem) => Poll::Ready(problem),
            Err(_) => Poll::Pending,
        }
    }

    /// The outcome of `work`, unless something goes wrong meanwhile. What the upstream makes of a fault does not
    /// hide it.
    pub(crate) async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            let result = work.as_mut().poll(cx);
            match self.poll(cx) {
                Poll::Ready(problem) => Poll::Ready(Err(problem)),
                Poll::Pending => result,
            }
        })
        .await
    }
}
