//! The roles: each from settings to running parts.

#[cfg(feature = "server")]
pub mod catalog;
#[cfg(feature = "dev")]
pub mod dev;
#[cfg(feature = "edge")]
pub mod edge;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "sqs")]
pub mod sqs;
#[cfg(feature = "dev")]
pub mod token;

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;

/// A listener for one part.
pub(crate) async fn bind(part: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{part} cannot listen on {address}"))
}
