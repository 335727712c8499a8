//! A stream of messages as the body of an answer: pulled by the reader, one message in flight.
//!
//! Dropping it lets go of the upstream at once. It ends by itself when the upstream does or the server shuts down.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::time::{Instant, Sleep, sleep};

use super::unary::unprintable;
use super::{Form, sse};
use crate::call::{Answer, Frames};
use crate::core::Core;
use crate::interrupt::Interrupt;
use crate::problem::Problem;

/// A call whose head may not be there yet.
pub(crate) enum Exchange {
    Waiting(Pending),
    Open(Frames),
}

/// The head of an answer on its way.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

/// The rendered messages.
pub(crate) struct Stream {
    core: Arc<Core>,
    route: usize,
    form: Form,
    exchange: Exchange,
    /// What was read before the answer began.
    first: Option<Bytes>,
    request_id: HeaderValue,
    messages: u64,
    state: State,
    heartbeat: Option<Pin<Box<Sleep>>>,
    interrupt: Interrupt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    Running,
    Ended,
}

impl Exchange {
    /// The next message; None after an OK status.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        loop {
            match self {
                Self::Open(frames) => return frames.poll_next(cx),
                Self::Waiting(pending) => match ready!(pending.as_mut().poll(cx)) {
                    Ok(answer) => *self = Self::Open(answer.frames),
                    Err(problem) => {
                        *self = Self::Open(Frames::ended());
                        return Poll::Ready(Some(Err(problem)));
                    }
                },
            }
        }
    }
}

impl Stream {
    /// Goes on where peeking stopped. `request_id` is for the log.
    pub(crate) fn new(
        core: Arc<Core>,
        route: usize,
        form: Form,
        peeked: Peeked,
        request_id: HeaderValue,
    ) -> Self {
        let heartbeat = (form == Form::Sse).then(|| Box::pin(sleep(core.limits().heartbeat_interval)));
        Self {
            core,
            route,
            form,
            exchange: peeked.exchange,
            first: peeked.first,
            request_id,
            messages: 0,
            state: State::Beginning,
            heartbeat,
            interrupt: Interrupt::default(),
        }
    }

    /// Ends the stream early, in its own form, when something interrupts it.
    pub(crate) fn until(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// The next bytes; None behind the end.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        let mut out = Vec::new();
        if self.state == State::Beginning {
            self.state = State::Running;
            self.form.begin(&mut out);
        }
        match self.poll_event(cx) {
            Poll::Ready(Some(Ok(message))) => self.message(&message, &mut out),
            Poll::Ready(Some(Err(problem))) => self.fail(&problem, &mut out),
            Poll::Ready(None) => self.done(&mut out),
            Poll::Pending if out.is_empty() => {
                ready!(self.poll_heartbeat(cx));
                out.extend_from_slice(sse::HEARTBEAT);
            }
            Poll::Pending => {}
        }
        if out.is_empty() {
            // The good end of NDJSON has no text of its own.
            return Poll::Ready(None);
        }
        self.put_off_heartbeat();
        Poll::Ready(Some(out.into()))
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        match self.interrupt.poll(cx) {
            Poll::Ready(problem) => Poll::Ready(Some(Err(problem))),
            Poll::Pending => self.exchange.poll_next(cx),
        }
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.heartbeat {
            Some(heartbeat) => heartbeat.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    fn put_off_heartbeat(&mut self) {
        let interval = self.core.limits().heartbeat_interval;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.as_mut().reset(Instant::now() + interval);
        }
    }

    fn message(&mut self, wire: &[u8], out: &mut Vec<u8>) {
        let route = self.core.route(self.route);
        let start = out.len();
        let id = match (&route.rpc.event_id, self.form) {
            (Some(field), Form::Sse) => field.to_text(wire).ok().flatten(),
            _ => None,
        };
        self.form.before(self.messages, id.as_deref(), out);
        if let Err(error) = route.response.to_json(wire, out) {
            out.truncate(start);
            return self.fail(&unprintable(&error), out);
        }
        self.form.after(out);
        self.messages += 1;
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.form.done(out);
        self.end();
    }

    fn fail(&mut self, problem: &Problem, out: &mut Vec<u8>) {
        problem.log(&self.request_id, self.core.route(self.route).rpc.path.as_str());
        let error = problem.to_json(self.core.details());
        self.form.failed(self.messages, &error, out);
        self.end();
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.exchange = Exchange::Open(Frames::ended());
        self.interrupt = Interrupt::default();
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("form", &self.form)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Waits for the head of an answer, then for its first message, each for its time. What has not come is waited for
/// by the stream itself.
pub(crate) async fn peek(
    mut pending: Pending,
    head_wait: Duration,
    first_wait: Duration,
) -> Result<Peeked, Problem> {
    let Ok(answer) = tokio::time::timeout(head_wait, pending.as_mut()).await else {
        return Ok(Peeked::unknown(Exchange::Waiting(pending)));
    };
    let answer = answer?;
    let mut peeked = Peeked::unknown(Exchange::Open(answer.frames));
    peeked.metadata = answer.metadata;
    match tokio::time::timeout(first_wait, peeked.exchange.next()).await {
        Ok(Some(Ok(message))) => peeked.first = Some(message),
        Ok(Some(Err(problem))) => return Err(problem),
        Ok(None) => peeked.is_empty = true,
        Err(_) => {}
    }
    Ok(peeked)
}

/// The beginning of a stream.
pub(crate) struct Peeked {
    pub(crate) exchange: Exchange,
    pub(crate) metadata: http::HeaderMap,
    pub(crate) first: Option<Bytes>,
    /// It has ended OK, without a message.
    pub(crate) is_empty: bool,
}

impl Peeked {
    fn unknown(exchange: Exchange) -> Self {
        Self {
            exchange,
            metadata: http::HeaderMap::new(),
            first: None,
            is_empty: false,
        }
    }
}
