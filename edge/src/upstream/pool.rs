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

use super::connection::{Connection, NotConnected};
use super::exchange::{Answer, exchange};
use super::server::Server;

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
    pub(super) fn new(addresses: Vec<Uri>) -> Self {
        Self(Arc::new(Pool {
            servers: addresses.into_iter().map(Server::new).collect(),
            turn: AtomicUsize::new(0),
        }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::connection::CALLS_MAX;
    use crate::upstream::server::CONNECTIONS_MAX;

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
