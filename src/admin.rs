//! The admin address of a role: `/livez` says that the process runs, `/readyz` that it can serve, `/metrics` how it is doing.

mod process;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where a server's is when nothing is said.
#[cfg(feature = "server")]
pub(crate) const SERVER_DEFAULT: SocketAddr = loopback(9090);
/// Where an edge's is when nothing is said.
#[cfg(feature = "edge")]
pub(crate) const EDGE_DEFAULT: SocketAddr = loopback(9091);

/// Asks a part whether it can serve: why not, where it cannot.
pub(crate) type Check =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

#[derive(Clone)]
struct Admin {
    check: Check,
    metrics: Arc<Registry>,
    shutdown: CancellationToken,
}

/// Serves until it is told to stop. The process itself is added to the metrics.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    check: Check,
    mut metrics: Registry,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    process::register(&mut metrics);
    let admin = Admin {
        check,
        metrics: Arc::new(metrics),
        shutdown: shutdown.clone(),
    };
    let router = Router::new()
        .route("/livez", routing::get(|| async { "ok" }))
        .route("/readyz", routing::get(readyz))
        .route("/metrics", routing::get(scrape))
        .with_state(admin);
    Ok(axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await?)
}

/// A role that can serve as soon as it runs.
#[cfg(feature = "edge")]
pub(crate) fn always() -> Check {
    Arc::new(|| Box::pin(async { Ok(()) }))
}

/// A server can serve while its database answers.
#[cfg(feature = "server")]
pub(crate) fn store(store: postern_server::store::Store) -> Check {
    Arc::new(move || {
        let store = store.clone();
        Box::pin(async move {
            store.ping().await.map_err(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
                "the database does not answer".to_owned()
            })
        })
    })
}

async fn readyz(State(admin): State<Admin>) -> (StatusCode, String) {
    if admin.shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down".to_owned());
    }
    match (admin.check)().await {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

/// In the format of Prometheus that every scraper reads.
async fn scrape(State(admin): State<Admin>) -> Response {
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &admin.metrics) {
        Ok(()) => ([(header::CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}
