//! A pool of connections: each takes so many calls, then there is another.
//!
//! Servers limit the streams of a connection (commonly to 100 or 200), and what is beyond waits in silence: with
//! streams that last for ever it would wait for ever. A server that fails is passed over for a while.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::{BoxError, Service, ServiceExt as _};

/// Calls at once on one connection: servers should take as many at least (RFC 9113, section 6.5.2).
const CALLS_PER_CONNECTION_MAX: usize = 100;
/// Connections to one server.
const CONNECTIONS_MAX: usize = 64;
/// How long a server that failed gets no calls, as long as there is another one; twice as long each time that it fails
/// again, until a call begins well.
const FAILED_TIME: Duration = Duration::from_secs(1);
const FAILED_TIME_MAX: Duration = Duration::from_secs(30);

/// Channels to one or several servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Channels(Arc<Pool>);

/// Every connection has all the calls that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every connection to the upstream is full")]
pub struct Overloaded;

#[derive(Debug)]
struct Pool {
    servers: Vec<Server>,
    /// Where to begin looking, so that equals take turns.
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Server {
    endpoint: Endpoint,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Connection>,
    failed_until: Option<Instant>,
    /// How long it was passed over last.
    failed_time: Duration,
}

/// A channel and a token that every open call holds: its count is the load.
#[derive(Debug)]
struct Connection {
    channel: Channel,
    calls: Arc<()>,
}

/// An answer that counts as an open call until it is dropped.
#[derive(Debug)]
pub struct Counted {
    body: Body,
    _call: Arc<()>,
}

impl Channels {
    pub(super) fn new(endpoints: Vec<Endpoint>) -> Self {
        let server = |endpoint| Server {
            endpoint,
            state: Mutex::default(),
        };
        Self(Arc::new(Pool {
            servers: endpoints.into_iter().map(server).collect(),
            turn: AtomicUsize::new(0),
        }))
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Counted>, BoxError> {
        let (server, mut channel, call) = self.0.pick().ok_or(Overloaded)?;
        let result = match channel.ready().await {
            Ok(channel) => channel.call(request).await,
            Err(error) => Err(error),
        };
        server.note(result.as_ref().err());
        let response = result?;
        Ok(response.map(|body| Counted { body, _call: call }))
    }
}

impl Service<Request<Body>> for Channels {
    type Response = Response<Counted>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Counted>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

impl Pool {
    /// The server with the fewest open calls of those that have not failed lately, or else of all.
    fn pick(&self) -> Option<(&Server, Channel, Arc<()>)> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut servers: Vec<_> = (0..self.servers.len())
            .map(|index| &self.servers[turn.wrapping_add(index) % self.servers.len()])
            .map(|server| (server.load(), server))
            .collect();
        servers.sort_by_key(|(load, _)| *load);
        servers.into_iter().find_map(|(_, server)| {
            let (channel, call) = server.connection()?;
            Some((server, channel, call))
        })
    }
}

impl Server {
    /// Whether it has failed lately, and its open calls.
    fn load(&self) -> (bool, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let has_failed = state.failed_until.is_some_and(|until| Instant::now() < until);
        (has_failed, state.connections.iter().map(Connection::load).sum())
    }

    /// The first connection with room, or a new one: few are full, and the others can rest.
    fn connection(&self) -> Option<(Channel, Arc<()>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = |connection: &&Connection| connection.load() < CALLS_PER_CONNECTION_MAX;
        if let Some(connection) = state.connections.iter().find(has_room) {
            return Some(connection.open());
        }
        if state.connections.len() == CONNECTIONS_MAX {
            return None;
        }
        let connection = Connection {
            channel: self.endpoint.connect_lazy(),
            calls: Arc::new(()),
        };
        let call = connection.open();
        state.connections.push(connection);
        Some(call)
    }

    /// Remembers how a call began. A caller's deadline is no failure of the server.
    fn note(&self, error: Option<&tonic::transport::Error>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match error.filter(|error| !is_late(error)) {
            None => (state.failed_until, state.failed_time) = (None, Duration::ZERO),
            Some(_) => state.fail(Instant::now()),
        }
    }
}

impl State {
    /// Calls that were open together and fail together are one failure.
    fn fail(&mut self, now: Instant) {
        if self.failed_until.is_some_and(|until| now < until) {
            return;
        }
        self.failed_time = (self.failed_time * 2).clamp(FAILED_TIME, FAILED_TIME_MAX);
        self.failed_until = Some(now + self.failed_time);
    }
}

/// Whether the caller's own deadline ended the call.
fn is_late(error: &tonic::transport::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Connection {
    fn load(&self) -> usize {
        Arc::strong_count(&self.calls) - 1
    }

    fn open(&self) -> (Channel, Arc<()>) {
        (self.channel.clone(), self.calls.clone())
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pool_that_is_full_refuses_until_a_call_ends() {
        let pool = Channels::new(vec![Endpoint::from_static("http://127.0.0.1:1")]).0;
        let all = CONNECTIONS_MAX * CALLS_PER_CONNECTION_MAX;
        let mut open: Vec<_> = (0..all).map(|_| pool.pick().unwrap().2).collect();
        assert!(pool.pick().is_none());
        open.pop();
        assert!(pool.pick().is_some());
    }

    #[test]
    fn a_server_that_fails_again_is_passed_over_for_longer() {
        let mut state = State::default();
        let mut now = Instant::now();
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            state.fail(now);
            // Within that time it is the same failure.
            state.fail(now + Duration::from_millis(999));
            assert_eq!(state.failed_until, Some(now + Duration::from_secs(seconds)));
            now += Duration::from_secs(seconds);
        }
    }

    #[tokio::test]
    async fn a_server_that_failed_gets_calls_only_when_there_is_no_other() {
        let endpoints = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(Endpoint::from_static);
        let pool = Channels::new(endpoints.to_vec()).0;
        let failed = || Some(Instant::now() + FAILED_TIME);
        pool.servers[0].state.lock().unwrap().failed_until = failed();
        let calls: Vec<_> = (0..4).map(|_| pool.pick().unwrap()).collect();
        assert!(
            calls
                .iter()
                .all(|(server, _, _)| server.endpoint.uri().port_u16() == Some(2))
        );
        pool.servers[1].state.lock().unwrap().failed_until = failed();
        assert_eq!(pool.pick().unwrap().0.endpoint.uri().port_u16(), Some(1));
    }
}
