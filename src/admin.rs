//! The admin address: `/livez` says that the process runs, `/readyz` that it can serve.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing};
use postern_server::store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where a server's is when nothing is said.
pub(crate) const SERVER_DEFAULT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9090));

#[derive(Clone)]
struct Health {
    store: Store,
    shutdown: CancellationToken,
}

/// Serves until it is told to stop.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    store: Store,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let health = Health {
        store,
        shutdown: shutdown.clone(),
    };
    let router = Router::new()
        .route("/livez", routing::get(|| async { "ok" }))
        .route("/readyz", routing::get(readyz))
        .with_state(health);
    Ok(axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await?)
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    }
    match health.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        }
    }
}
