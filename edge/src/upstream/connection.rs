//! One HTTP/2 connection: made once, whoever asks first, and driven by a task that ends with its last user.
//!
//! On h2 itself, without hyper's client around it: that spawns a task and waits at two channels for every call.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::SetOnce;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tower::{BoxError, ServiceExt as _};

use super::socket::{Flush, Socket};

/// Time to connect. Then the call is UNAVAILABLE.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A server that is silent for so long is probed by TCP, and gone after three probes. Not by HTTP/2 pings: grpc-go ends
/// connections that send more than one in five minutes.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;
/// Calls at once on one connection: servers should take as many at least (RFC 9113, section 6.5.2).
pub(super) const CALLS_MAX: u16 = 100;
/// What a server may send ahead of the reader of one answer.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;
/// And of all of them: readers that do not read hold up nobody else.
const CONNECTION_WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * CALLS_MAX as u32;
/// The head of an answer, and its trailers.
const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;

/// There is no connection to the server: nothing was sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no connection to the upstream")]
pub(crate) struct NotConnected(#[source] Arc<dyn std::error::Error + Send + Sync>);

/// A connection, or one that is being made. Held by every call on it, so that their count is its load.
#[derive(Debug)]
pub(super) struct Connection {
    state: Arc<State>,
    _driver: AbortOnDropHandle<()>,
}

/// What the driver tells.
#[derive(Debug)]
struct State {
    sender: SetOnce<Result<SendRequest<Bytes>, NotConnected>>,
    /// Streams that the server takes at once, as far as it has said so.
    streams_max: AtomicUsize,
    is_closed: AtomicBool,
}

impl Connection {
    /// Begins to connect. Must be called within a tokio runtime.
    pub(super) fn open(server: Uri) -> Self {
        let state = Arc::new(State {
            sender: SetOnce::new(),
            streams_max: AtomicUsize::new(CALLS_MAX.into()),
            is_closed: AtomicBool::new(false),
        });
        let driver = tokio::spawn(drive(server, state.clone()));
        Self {
            state,
            _driver: AbortOnDropHandle::new(driver),
        }
    }

    /// Where calls are sent, once it is connected; None when it is closed, or about to be, and there should be another.
    pub(super) async fn sender(&self) -> Result<Option<SendRequest<Bytes>>, NotConnected> {
        let sender = match self.state.sender.get() {
            Some(sender) => sender,
            None => self.state.sender.wait().await,
        };
        let mut sender = sender.clone()?;
        if poll_fn(|cx| sender.poll_ready(cx)).await.is_err() {
            self.state.is_closed.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        Ok(Some(sender))
    }

    /// Whether it takes no more calls. Those on it go on.
    pub(super) fn is_closed(&self) -> bool {
        self.state.is_closed.load(Ordering::Relaxed)
    }

    pub(super) fn has_room(this: &Arc<Self>) -> bool {
        // The server holds it, too.
        let calls = Arc::strong_count(this) - 1;
        !this.is_closed() && calls < this.state.streams_max.load(Ordering::Relaxed)
    }
}

impl NotConnected {
    pub(super) fn new(cause: impl Into<BoxError>) -> Self {
        Self(cause.into().into())
    }
}

/// Connects, tells whoever waits for that, and then reads and writes until the connection ends.
async fn drive(server: Uri, state: Arc<State>) {
    let connected = match timeout(CONNECT_TIMEOUT, connect(server)).await {
        Ok(connected) => connected,
        Err(elapsed) => Err(elapsed.into()),
    };
    let (sender, mut turns) = match connected {
        Ok(connected) => connected,
        Err(error) => {
            state.is_closed.store(true, Ordering::Relaxed);
            return state.tell(Err(NotConnected::new(error)));
        }
    };
    state.tell(Ok(sender));
    let result = poll_fn(|cx| turns.poll(cx, &state.streams_max)).await;
    state.is_closed.store(true, Ordering::Relaxed);
    if let Err(error) = result {
        tracing::debug!(%error, "connection to the upstream ended");
    }
}

/// A connection whose writes are gathered.
struct Turns {
    connection: h2::client::Connection<Socket>,
    flush: Flush,
    has_waited: bool,
}

impl Turns {
    /// Reads and writes what can be, until the connection ends.
    fn poll(&mut self, cx: &mut Context<'_>, streams_max: &AtomicUsize) -> Poll<Result<(), BoxError>> {
        // Whatever else can run now may have calls to send, too: they go out in one write.
        self.has_waited = !self.has_waited;
        if self.has_waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let ended = Pin::new(&mut self.connection).poll(cx);
        let streams = self.connection.max_concurrent_send_streams();
        streams_max.store(streams.min(CALLS_MAX.into()), Ordering::Relaxed);
        match self.flush.poll(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Ready(Ok(())) | Poll::Pending => ended.map_err(Into::into),
        }
    }
}

impl State {
    fn tell(&self, sender: Result<SendRequest<Bytes>, NotConnected>) {
        self.sender.set(sender).expect("only the driver tells, and once");
    }
}

async fn connect(server: Uri) -> Result<(SendRequest<Bytes>, Turns), BoxError> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(PROBE_AFTER));
    connector.set_keepalive_interval(Some(PROBE_INTERVAL));
    connector.set_keepalive_retries(Some(PROBES));
    let stream = connector.oneshot(server).await?.into_inner();
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .initial_max_send_streams(CALLS_MAX.into())
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES_MAX);
    let (socket, flush) = Socket::new(stream);
    let (sender, connection) = builder.handshake(socket).await?;
    let turns = Turns {
        connection,
        flush,
        has_waited: false,
    };
    Ok((sender, turns))
}
