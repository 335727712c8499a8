//! Serves a listener: HTTP/1.1 and HTTP/2 with prior knowledge on one port, with limits, until told to stop.
//!
//! Knows nothing of what the service does. Requests carry a [`Shutdown`], so that answers that last can end themselves.

mod connection;
mod framing;
mod heads;
mod peer;
mod refusal;
mod watched;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

/// A peer that is silent for so long is probed by TCP, and gone after three probes.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

/// An extension of every request: cancelled when the server begins to shut down.
#[derive(Debug, Clone)]
pub struct Shutdown(pub CancellationToken);

/// Limits of a server.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Connections at once; more wait in the listener's backlog.
    pub connections_max: usize,
    /// Time for a request's head to arrive once it has begun; over HTTP/2, for each frame of it, and for the preface.
    pub head_timeout: Duration,
    /// Time for a connection to bring its first request, and over HTTP/1.1 each further one.
    pub idle_timeout: Duration,
    /// A request's head. Larger: HTTP/1.1 is answered 431 without a body, HTTP/2 as its header list size says. So it is
    /// well above [`Limits::header_bytes_max`](crate::Limits::header_bytes_max), which answers with one.
    pub head_bytes_max: usize,
    /// Headers of an HTTP/1.1 request. More: 431 without a body.
    pub headers_max: usize,
    /// Streams at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Streams that a peer may reset before they were accepted (CVE-2023-44487).
    pub pending_resets_max: usize,
    /// Streams that errors of the peer may reset (RUSTSEC-2024-0003).
    pub error_resets_max: usize,
    /// What a stream of HTTP/2 holds of its answer while its peer does not read.
    pub send_buffer_bytes_max: usize,
    /// HTTP/2 pings after this much silence.
    pub ping_interval: Duration,
    /// A peer that does not answer one for this long is gone.
    pub ping_timeout: Duration,
    /// Time for open requests to end after the shutdown began. Then they are cut.
    pub drain_timeout: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_timeout: Duration::from_secs(4),
            idle_timeout: Duration::from_secs(30),
            head_bytes_max: 128 << 10,
            headers_max: 1_000,
            streams_max: 200,
            pending_resets_max: 20,
            error_resets_max: 1_024,
            send_buffer_bytes_max: 64 << 10,
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Accepts connections and serves each until it ends. After `shutdown` no connection is accepted, open ones finish the
/// requests they have, and what is not done after `drain_timeout` is cut.
pub async fn serve<S, B>(listener: TcpListener, service: S, config: ServeConfig, shutdown: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    probe(&listener);
    let permits = Arc::new(Semaphore::new(config.connections_max));
    let builder = connection::builder(&config);
    let timeouts = connection::Timeouts {
        head: config.head_timeout,
        idle: config.idle_timeout,
    };
    let mut connections = JoinSet::new();
    loop {
        let (stream, permit) = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &permits) => accepted,
        };
        let connection = connection::run(
            builder.clone(),
            stream,
            service.clone(),
            timeouts,
            shutdown.clone(),
        );
        connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    drain(connections, config.drain_timeout).await;
}

/// Has the peers probed of what is accepted from now on: a socket takes this over from its listener.
fn probe(listener: &TcpListener) {
    let probes = TcpKeepalive::new()
        .with_time(PROBE_AFTER)
        .with_interval(PROBE_INTERVAL)
        .with_retries(PROBES);
    if let Err(error) = SockRef::from(listener).set_tcp_keepalive(&probes) {
        tracing::warn!(%error, "connections are not probed");
    }
}

/// Waits for room, then for a connection. Errors of single connections, and of too many open files, pass.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let permit = permits
        .clone()
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn drain(mut connections: JoinSet<()>, timeout: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(timeout, all).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "connections were cut at shutdown"
        );
        connections.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_accepted_is_probed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        probe(&listener);
        let _peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), PROBE_AFTER);
    }
}
