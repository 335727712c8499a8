//! The gRPC listener: limits that stand between a caller and the services, and a shutdown that ends in time.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::api::DoorLayer;

/// hyper has none unless it is told: 1,000 connections of 100 streams are 100,000 watches.
const STREAMS_PER_CONNECTION_MAX: u32 = 200;
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Rapid reset (CVE-2023-44487): streams that a peer reset before they were accepted.
const PENDING_RESETS_MAX: usize = 20;

/// Streams that this server reset because of what a peer did (RUSTSEC-2024-0003).
const LOCAL_RESETS_MAX: usize = 1024;

/// Serves until it is told to stop. Streams end by themselves then, for the services hear of it too.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    door: DoorLayer,
    routes: Routes,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS_MAX))
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .layer(door)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, shutdown.cancelled_owned())
        .await
}
