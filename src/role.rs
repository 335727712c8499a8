//! The roles: each from settings to running parts.

#[cfg(feature = "server")]
pub mod catalog;
#[cfg(feature = "dev")]
pub mod dev;
#[cfg(feature = "server")]
pub mod doctor;
#[cfg(feature = "edge")]
pub mod edge;
#[cfg(feature = "operator")]
pub mod jobs;
#[cfg(feature = "operator")]
pub mod quarantine;
#[cfg(feature = "operator")]
pub mod queues;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "sqs")]
pub mod sqs;
#[cfg(feature = "operator")]
pub mod token;

/// A listener for one part.
#[cfg(any(feature = "edge", feature = "server", feature = "sqs"))]
pub(crate) async fn bind(
    part: &str,
    address: std::net::SocketAddr,
) -> anyhow::Result<tokio::net::TcpListener> {
    use anyhow::Context as _;

    tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("{part} cannot listen on {address}"))
}
