//! One server of a pool: its connections, and whether calls should rather go elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::header::USER_AGENT;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri, uri};
use tokio::time::Instant;
use tonic::body::Body;
use tower::BoxError;

use super::Overloaded;
use super::connection::{Connection, NotConnected};
use super::exchange::{Answer, exchange};

/// How long a server that failed gets no calls, as long as there is another one; twice as long each time that it fails
/// again, until a call begins well.
const FAILED_TIME: Duration = Duration::from_secs(1);
const FAILED_TIME_MAX: Duration = Duration::from_secs(30);
/// Who calls, unless the caller's own name is passed on.
const AGENT: &str = concat!("postern-edge/", env!("CARGO_PKG_VERSION"));

/// A server, whose faults are remembered.
#[derive(Debug)]
pub(super) struct Server {
    address: Uri,
    connections: Mutex<Connections>,
    connections_max: usize,
    /// Held by every open call, so that their count is its load.
    calls: Arc<()>,
    /// Whether there is anything to be forgotten when a call begins well.
    has_failed: AtomicBool,
    failure: Mutex<Failure>,
    /// By its own account.
    is_well: AtomicBool,
}

/// A call's hold on the server and the connection that it goes over.
#[derive(Debug)]
pub(super) struct Hold {
    connection: Arc<Connection>,
    _server: Arc<()>,
}

#[derive(Debug, Default)]
struct Connections {
    all: Vec<Arc<Connection>>,
    /// The one that had room last. Of a thousand, most are full of streams that last.
    last: usize,
}

#[derive(Debug, Default)]
struct Failure {
    until: Option<Instant>,
    /// How long it was passed over last.
    time: Duration,
}

impl Server {
    pub(super) fn new(address: Uri, connections_max: usize) -> Self {
        Self {
            address,
            connections: Mutex::default(),
            connections_max,
            calls: Arc::default(),
            has_failed: AtomicBool::new(false),
            failure: Mutex::default(),
            is_well: AtomicBool::new(true),
        }
    }

    /// Sends a request to this server, whatever is known of it.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        let hold = self.hold().ok_or(Overloaded)?;
        let Some(sender) = hold.sender().await? else {
            return Err(NotConnected::new("it ended").into());
        };
        Ok(exchange(hold, sender, self.address(request)).await?)
    }

    /// The same server without connections, which may become so many.
    pub(super) fn anew(&self, connections_max: usize) -> Self {
        Self::new(self.address.clone(), connections_max)
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
    pub(super) fn load(&self) -> (bool, usize) {
        let has_failed = self.has_failed.load(Ordering::Relaxed) && {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.until.is_some_and(|until| Instant::now() < until)
        };
        let is_unfit = has_failed || !self.is_well.load(Ordering::Relaxed);
        // The server holds it, too.
        (is_unfit, Arc::strong_count(&self.calls) - 1)
    }

    /// A connection with room, or a new one: few are in use, and the others can rest.
    pub(super) fn hold(&self) -> Option<Hold> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match connections.with_room() {
            Some(connection) => connection,
            None => connections.open(&self.address, self.connections_max)?,
        };
        Some(Hold {
            connection,
            _server: self.calls.clone(),
        })
    }

    /// A request is made to a path; HTTP/2 wants the server's name with it.
    pub(super) fn address(&self, request: Request<Body>) -> Request<Body> {
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

    /// Remembers how a call began. One that failed or was given up on this side says nothing of the server.
    pub(super) fn note<T>(&self, result: Result<&T, &h2::Error>) {
        match result {
            Ok(_) => self.forgive(),
            Err(error) if error.is_io() || error.is_remote() || error.is_library() => self.fail(),
            Err(_) => {}
        }
    }

    /// It cannot be reached, or ends its calls before they begin.
    pub(super) fn fail(&self) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.happen(Instant::now());
        self.has_failed.store(true, Ordering::Relaxed);
    }

    fn forgive(&self) {
        if self.has_failed.load(Ordering::Relaxed) {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Failure::default();
            self.has_failed.store(false, Ordering::Relaxed);
        }
    }
}

impl Connections {
    fn with_room(&mut self) -> Option<Arc<Connection>> {
        let count = self.all.len();
        let mut indices = (self.last..self.last + count).map(|index| index % count);
        self.last = indices.find(|index| Connection::has_room(&self.all[*index]))?;
        Some(self.all[self.last].clone())
    }

    fn open(&mut self, address: &Uri, count_max: usize) -> Option<Arc<Connection>> {
        self.all.retain(|connection| !connection.is_closed());
        if self.all.len() >= count_max {
            return None;
        }
        let connection = Arc::new(Connection::open(address.clone()));
        self.last = self.all.len();
        self.all.push(connection.clone());
        Some(connection)
    }
}

impl Hold {
    /// See [`Connection::sender`].
    pub(super) async fn sender(&self) -> Result<Option<SendRequest<Bytes>>, NotConnected> {
        self.connection.sender().await
    }
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

    impl Server {
        pub(in crate::upstream) fn port(&self) -> Option<u16> {
            self.address.port_u16()
        }
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
}
