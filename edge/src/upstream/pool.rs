//! A pool of connections: each takes so many calls, then there is another.
//!
//! Servers limit the streams of a connection (commonly to 100 or 200), and what is beyond waits in silence: with
//! streams that last for ever it would wait for ever. A server that fails is passed over for a while.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::USER_AGENT;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri, uri};
use tokio::time::Instant;
use tonic::body::Body;
use tower::{BoxError, Service};

use super::connection::{Connection, NotConnected};
use super::exchange::{Answer, exchange};
use super::health::Checks;

/// Connections to one server.
const CONNECTIONS_MAX: usize = 64;
/// How long a server that failed gets no calls, as long as there is another one; twice as long each time that it fails
/// again, until a call begins well.
const FAILED_TIME: Duration = Duration::from_secs(1);
const FAILED_TIME_MAX: Duration = Duration::from_secs(30);

/// Connections that turn out to be closed, one after the other, until a call gives up.
const CLOSED_MAX: usize = 3;
/// Who calls, unless the caller's own name is passed on.
const AGENT: &str = concat!("postern-edge/", env!("CARGO_PKG_VERSION"));

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

/// One of them.
#[derive(Debug)]
pub(super) struct Server {
    address: Uri,
    connections: Mutex<Vec<Arc<Connection>>>,
    /// Whether there is anything to be forgotten when a call begins well.
    has_failed: AtomicBool,
    failure: Mutex<Failure>,
    /// By its own account.
    is_well: AtomicBool,
}

#[derive(Debug, Default)]
struct Failure {
    until: Option<Instant>,
    /// How long it was passed over last.
    time: Duration,
}

impl Channels {
    pub(super) fn new(addresses: Vec<Uri>) -> Self {
        Self(Arc::new(Pool {
            servers: addresses.into_iter().map(Server::new).collect(),
            turn: AtomicUsize::new(0),
        }))
    }

    /// What asks the servers how they are. Without it only those that fail their calls are passed over.
    #[must_use]
    pub fn checks(&self) -> Checks {
        Checks::new(self.clone())
    }

    pub(super) fn servers(&self) -> &[Server] {
        &self.0.servers
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        for _ in 0..CLOSED_MAX {
            let (server, connection) = self.0.pick().ok_or(Overloaded)?;
            match connection.sender().await {
                Ok(Some(sender)) => {
                    let request = server.address(request);
                    let result = exchange(connection, sender, request).await;
                    server.note(!result.as_ref().is_err_and(is_failure));
                    return Ok(result?);
                }
                // It ended while nobody used it.
                Ok(None) => {}
                Err(error) => {
                    server.note(false);
                    return Err(error.into());
                }
            }
        }
        Err(NotConnected::new("each ends at once").into())
    }
}

impl Service<Request<Body>> for Channels {
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

impl Pool {
    /// The server with the fewest open calls of those that are well and have not failed lately, or else of all; and a
    /// connection to it.
    fn pick(&self) -> Option<(&Server, Arc<Connection>)> {
        if let [server] = self.servers.as_slice() {
            return Some((server, server.connection()?));
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut servers: Vec<_> = (0..self.servers.len())
            .map(|index| &self.servers[turn.wrapping_add(index) % self.servers.len()])
            .map(|server| (server.load(), server))
            .collect();
        servers.sort_by_key(|(load, _)| *load);
        servers
            .into_iter()
            .find_map(|(_, server)| Some((server, server.connection()?)))
    }
}

impl Server {
    fn new(address: Uri) -> Self {
        Self {
            address,
            connections: Mutex::default(),
            has_failed: AtomicBool::new(false),
            failure: Mutex::default(),
            is_well: AtomicBool::new(true),
        }
    }

    /// Sends a request to this server, whatever is known of it.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        let connection = self.connection().ok_or(Overloaded)?;
        let Some(sender) = connection.sender().await? else {
            return Err(NotConnected::new("it ended").into());
        };
        Ok(exchange(connection, sender, self.address(request)).await?)
    }

    pub(super) fn set_well(&self, is_well: bool) {
        if self.is_well.swap(is_well, Ordering::Relaxed) == is_well {
            return;
        }
        match is_well {
            true => tracing::info!(upstream.server = %self.address, "upstream serves again"),
            false => tracing::warn!(upstream.server = %self.address, "upstream does not serve"),
        }
    }

    /// Whether it should get no calls, and its open ones.
    fn load(&self) -> (bool, usize) {
        let has_failed = self.has_failed.load(Ordering::Relaxed) && {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.until.is_some_and(|until| Instant::now() < until)
        };
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unfit = has_failed || !self.is_well.load(Ordering::Relaxed);
        (is_unfit, connections.iter().map(Connection::calls).sum())
    }

    /// The first connection with room, or a new one: few are full, and the others can rest.
    fn connection(&self) -> Option<Arc<Connection>> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connections.iter().find(|one| Connection::has_room(one)) {
            return Some(connection.clone());
        }
        connections.retain(|connection| !connection.is_closed());
        if connections.len() == CONNECTIONS_MAX {
            return None;
        }
        let connection = Arc::new(Connection::open(self.address.clone()));
        connections.push(connection.clone());
        Some(connection)
    }

    /// A request is made to a path; HTTP/2 wants the server's name with it.
    fn address(&self, request: Request<Body>) -> Request<Body> {
        let (mut head, body) = request.into_parts();
        let mut parts = uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = self.address.authority().cloned();
        parts.path_and_query = head.uri.into_parts().path_and_query;
        head.uri = Uri::from_parts(parts).unwrap_or_default();
        head.headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        Request::from_parts(head, body)
    }

    /// Remembers how a call began.
    fn note(&self, is_good: bool) {
        if is_good && !self.has_failed.load(Ordering::Relaxed) {
            return;
        }
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match is_good {
            true => *failure = Failure::default(),
            false => failure.happen(Instant::now()),
        }
        self.has_failed.store(!is_good, Ordering::Relaxed);
    }
}

/// Not when the call was given up on this side.
fn is_failure(error: &h2::Error) -> bool {
    !error.is_reset() || error.is_remote() || error.is_library()
}

impl Failure {
    /// Calls that were open together and fail together are one failure.
    fn happen(&mut self, now: Instant) {
        if self.until.is_some_and(|until| now < until) {
            return;
        }
        self.time = (self.time * 2).clamp(FAILED_TIME, FAILED_TIME_MAX);
        self.until = Some(now + self.time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::connection::CALLS_MAX;

    fn pool(ports: &[u16]) -> Arc<Pool> {
        let address = |port| format!("http://127.0.0.1:{port}").parse().unwrap();
        Channels::new(ports.iter().map(address).collect()).0
    }

    #[tokio::test]
    async fn a_pool_that_is_full_refuses_until_a_call_ends() {
        let pool = pool(&[1]);
        let all = CONNECTIONS_MAX * usize::from(CALLS_MAX);
        let mut open: Vec<_> = (0..all).map(|_| pool.pick().unwrap().1).collect();
        assert!(pool.pick().is_none());
        open.pop();
        assert!(pool.pick().is_some());
    }

    #[test]
    fn a_server_that_fails_again_is_passed_over_for_longer() {
        let mut failure = Failure::default();
        let mut now = Instant::now();
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            failure.happen(now);
            // Within that time it is the same failure.
            failure.happen(now + Duration::from_millis(999));
            assert_eq!(failure.until, Some(now + Duration::from_secs(seconds)));
            now += Duration::from_secs(seconds);
        }
    }

    #[tokio::test]
    async fn a_server_that_failed_gets_calls_only_when_there_is_no_other() {
        let pool = pool(&[1, 2]);
        pool.servers[0].note(false);
        let calls: Vec<_> = (0..4).map(|_| pool.pick().unwrap()).collect();
        assert!(
            calls
                .iter()
                .all(|(server, _)| server.address.port_u16() == Some(2))
        );
        pool.servers[1].note(false);
        assert_eq!(pool.pick().unwrap().0.address.port_u16(), Some(1));
        pool.servers[1].note(true);
        assert_eq!(pool.pick().unwrap().0.address.port_u16(), Some(2));
    }
}
