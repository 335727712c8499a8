//! One server of a pool: its connections, and whether calls should rather go elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::USER_AGENT;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri, uri};
use tokio::time::Instant;
use tonic::body::Body;
use tower::BoxError;

use super::Overloaded;
use super::connection::{Connection, NotConnected};
use super::exchange::{Answer, exchange};

/// Connections to one server.
pub(super) const CONNECTIONS_MAX: usize = 64;
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

impl Server {
    pub(super) fn new(address: Uri) -> Self {
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
    pub(super) fn load(&self) -> (bool, usize) {
        let has_failed = self.has_failed.load(Ordering::Relaxed) && {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.until.is_some_and(|until| Instant::now() < until)
        };
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unfit = has_failed || !self.is_well.load(Ordering::Relaxed);
        (is_unfit, connections.iter().map(Connection::calls).sum())
    }

    /// The first connection with room, or a new one: few are full, and the others can rest.
    pub(super) fn connection(&self) -> Option<Arc<Connection>> {
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
