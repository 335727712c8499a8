//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Buf;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service, ServiceExt as _};

use super::peer::{self, Peer};
use super::watched::{Calls, Watched};
use super::{ServeConfig, Shutdown, refusal};

/// How long a connection may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// For a head that has begun.
    pub(super) head: Duration,
    /// For one to begin.
    pub(super) idle: Duration,
}

/// hyper with every limit set: what is left out would be unlimited, or off.
pub(super) fn builder(config: &ServeConfig) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // It runs while nothing comes, too.
        .header_read_timeout(config.idle_timeout)
        .max_buf_size(config.head_bytes_max.max(8_192))
        .max_headers(config.headers_max)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.streams_max)
        .max_pending_accept_reset_streams(config.pending_resets_max)
        .max_local_error_reset_streams(config.error_resets_max)
        .max_send_buf_size(config.send_buffer_bytes_max)
        .max_header_list_size(u32::try_from(config.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(config.ping_interval)
        .keep_alive_timeout(config.ping_timeout);
    builder
}

/// Serves a connection until it ends, gracefully once the shutdown begins.
pub(super) async fn run<S, B>(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    service: S,
    timeouts: Timeouts,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection without nodelay");
    }
    let calls = Arc::new(Calls::default());
    let (socket, peer) = peer::split(stream);
    let stream = Watched::new(socket, calls.clone(), timeouts.head);
    let (begun, token) = (calls.clone(), shutdown.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let call = begun.begin();
        request.extensions_mut().insert(Shutdown(token.clone()));
        let answer = match refusal::is_due(&request) {
            true => None,
            false => Some(service.clone().oneshot(request)),
        };
        async move {
            let held_by_body = move |error| {
                let _ = &call;
                error
            };
            let Some(answer) = answer else {
                return Ok(bad_request().map(Either::Right));
            };
            let response = answer.await?;
            Ok::<_, Infallible>(response.map(|body| Either::Left(body.map_err(held_by_body))))
        }
    });
    let mut connection = Box::pin(builder.serve_connection(TokioIo::new(stream), service));
    let idle = async {
        tokio::time::sleep(timeouts.idle).await;
        if calls.begun() > 0 {
            std::future::pending::<()>().await;
        }
    };
    let whole = async {
        tokio::select! {
            result = connection.as_mut() => return result,
            () = shutdown.cancelled() => {}
            () = idle => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    let result = tokio::select! {
        biased;
        result = whole => result,
        () = abandoned(&peer, &calls) => Err("the peer has left".into()),
    };
    if let Err(error) = result {
        tracing::debug!(error, "connection ended badly");
    }
}

/// The peer has left, and an answer is owed to it.
async fn abandoned(peer: &Peer, calls: &Calls) {
    peer.leaves().await;
    // Looked at whenever something happens on the connection.
    poll_fn(|_| match calls.has_open() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// As hyper answers what it refuses itself.
fn bad_request<D: Buf>() -> Response<Empty<D>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
