//! Accepts connections, limits them, and drains them at the end. What is asked on them is `wire`'s business.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::wire;

/// What requests under way have left to end once a shutdown was asked for.
const DRAIN_MAX: Duration = Duration::from_secs(1);
/// Until a request's head is read, from the end of the request before it: longer than the 90 seconds for which the AWS
/// SDKs keep idle connections, so that they close them first.
const HEAD_READ_MAX: Duration = Duration::from_secs(120);
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 64;
/// Before the next attempt to accept: an accept that fails usually lacks file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// One listener and the connections that came from it.
pub(crate) struct Server {
    listener: TcpListener,
    api: Arc<Api>,
    slots: Arc<Semaphore>,
}

impl Server {
    pub(crate) fn new(listener: TcpListener, api: Api, connections_max: usize) -> Self {
        Self {
            listener,
            api: Arc::new(api),
            slots: Arc::new(Semaphore::new(connections_max)),
        }
    }

    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = connections.join_next() => {}
                (stream, slot) = self.accept() => {
                    connections.spawn(serve_connection(stream, Arc::clone(&self.api), shutdown.clone(), slot));
                }
            }
        }
        drop(self);
        let drained = timeout(DRAIN_MAX, async {
            while connections.join_next().await.is_some() {}
        })
        .await;
        if drained.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "sqs connections were cut off at shutdown"
            );
            connections.shutdown().await;
        }
    }

    async fn accept(&self) -> (TcpStream, OwnedSemaphorePermit) {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return (stream, slot),
                Err(error) => {
                    tracing::warn!(%error, "sqs connection was not accepted");
                    sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    api: Arc<Api>,
    shutdown: CancellationToken,
    _slot: OwnedSemaphorePermit,
) {
    // Answers are small and written at once; without it they may wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "sqs connection without nodelay");
    }
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move { Ok::<_, std::convert::Infallible>(wire::answer(&api, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "sqs connection broke off");
    }
}
