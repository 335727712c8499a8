//! A pool of connections: each takes so many calls, then there is another.
//!
//! Servers limit the streams of a connection (commonly to 100 or 200), and what is beyond waits in silence: with
//! streams that last for ever it would wait for ever. A server that fails is passed over for a while.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use tonic::body::Body;
use tower::{BoxError, Service};

use super::connection::{CALLS_MAX, NotConnected};
use super::exchange::{Answer, exchange};
use super::server::{Hold, Server};
use crate::limits::Limits;

/// Connections that turn out to be closed, one after the other, until a call gives up.
const CLOSED_MAX: usize = 3;

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

impl Channels {
    /// For what an edge carries by default.
    pub(super) fn new(addresses: Vec<Uri>) -> Self {
        let Limits {
            calls_max,
            streams_max,
            ..
        } = Limits::default();
        let connections_max = connections_max(calls_max + streams_max);
        Self::of(
            addresses
                .into_iter()
                .map(|address| Server::new(address, connections_max)),
        )
    }

    /// The same, not connected yet, with as many connections to each server as so many calls and streams at once need.
    #[must_use]
    pub fn for_calls(self, calls_max: usize) -> Self {
        let connections_max = connections_max(calls_max);
        Self::of(self.servers().iter().map(|server| server.anew(connections_max)))
    }

    fn of(servers: impl Iterator<Item = Server>) -> Self {
        Self(Arc::new(Pool {
            servers: servers.collect(),
            turn: AtomicUsize::new(0),
        }))
    }

    pub(super) fn servers(&self) -> &[Server] {
        &self.0.servers
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        for _ in 0..CLOSED_MAX {
            let (server, hold) = self.0.pick().ok_or(Overloaded)?;
            match hold.sender().await {
                Ok(Some(sender)) => {
                    let request = server.address(request);
                    let result = exchange(hold, sender, request).await;
                    server.note(result.as_ref());
                    return Ok(result?);
                }
                // It ended while nobody used it.
                Ok(None) => {}
                Err(error) => {
                    server.fail();
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
    fn pick(&self) -> Option<(&Server, Hold)> {
        if let [server] = self.servers.as_slice() {
            return Some((server, server.hold()?));
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut servers: Vec<_> = (0..self.servers.len())
            .map(|index| &self.servers[turn.wrapping_add(index) % self.servers.len()])
            .map(|server| (server.load(), server))
            .collect();
        servers.sort_by_key(|(load, _)| *load);
        servers
            .into_iter()
            .find_map(|(_, server)| Some((server, server.hold()?)))
    }
}

/// Each takes as many as that, or fewer if the server says so.
fn connections_max(calls_max: usize) -> usize {
    calls_max.div_ceil(CALLS_MAX.into()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(ports: &[u16]) -> Arc<Pool> {
        let address = |port| format!("http://127.0.0.1:{port}").parse().unwrap();
        Channels::new(ports.iter().map(address).collect()).0
    }

    #[tokio::test]
    async fn a_pool_that_is_full_refuses_until_a_call_ends() {
        let pool = Channels(pool(&[1])).for_calls(201).0;
        let mut open: Vec<_> = (0..300).map(|_| pool.pick().unwrap().1).collect();
        assert!(pool.pick().is_none());
        drop(open.remove(150));
        assert!(pool.pick().is_some());
    }

    #[tokio::test]
    async fn a_server_that_failed_gets_calls_only_when_there_is_no_other() {
        let pool = pool(&[1, 2]);
        pool.servers[0].fail();
        let calls: Vec<_> = (0..4).map(|_| pool.pick().unwrap()).collect();
        assert!(calls.iter().all(|(server, _)| server.port() == Some(2)));
        pool.servers[1].fail();
        assert_eq!(pool.pick().unwrap().0.port(), Some(1));
        pool.servers[1].note(Ok(&()));
        assert_eq!(pool.pick().unwrap().0.port(), Some(2));
    }
}
