//! A connection that is broken off when a head that has begun does not end in time, and that lets no head pass that tells
//! the end of its body in two ways.
//!
//! hyper's own time for a head of HTTP/1 runs while the connection idles, too, so it cannot be short; for one of
//! HTTP/2 it has none.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::framing::Framing;
use super::heads::Heads;

/// The calls of a connection.
#[derive(Debug, Default)]
pub(super) struct Calls {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// A call, until its answer is written.
#[derive(Debug)]
pub(super) struct Open(Arc<Calls>);

/// A stream whose heads have a time limit.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    heads: Heads,
    calls: Arc<Calls>,
    timeout: Duration,
    /// The calls that had begun when bytes came that belonged to none of them: the next one's head.
    head_after: Option<usize>,
    framing: Framing,
    /// Not there before somebody had to wait within a head.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Calls {
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn has_open(&self) -> bool {
        self.begun() != self.ended.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, calls: Arc<Calls>, timeout: Duration) -> Self {
        Self {
            stream,
            heads: Heads::new(),
            calls,
            timeout,
            head_after: None,
            framing: Framing::default(),
            alarm: None,
        }
    }

    fn pass(&mut self, data: &mut [u8]) {
        if data.is_empty() {
            return;
        }
        if self.heads.pass(data) {
            self.alarm = None;
        }
        // While a call is open, HTTP/1 brings its body.
        if !matches!(self.heads, Heads::Http2(_)) && !self.calls.has_open() {
            self.pass_http1(data);
        }
    }

    fn pass_http1(&mut self, data: &mut [u8]) {
        let begun = self.calls.begun();
        if self.head_after != Some(begun) {
            self.head_after = Some(begun);
            self.framing = Framing::default();
            self.alarm = None;
        }
        if let Some(colon) = self.framing.contradiction(data) {
            // A head that nobody can read: hyper answers 400 and closes.
            data[colon] = 0;
        }
    }

    fn is_within_head(&self) -> bool {
        match &self.heads {
            Heads::Http2(frames) => frames.is_within(),
            Heads::Unknown(_) | Heads::Http1 => {
                self.head_after == Some(self.calls.begun()) && self.framing.has_begun()
            }
        }
    }

    /// Ready when the head took too long.
    fn poll_too_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_within_head() {
            self.alarm = None;
            return Poll::Pending;
        }
        let timeout = self.timeout;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(timeout)));
        alarm.as_mut().poll(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let known = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            self.pass(&mut buffer.filled_mut()[known..]);
            return Poll::Ready(result);
        }
        ready!(self.poll_too_late(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
