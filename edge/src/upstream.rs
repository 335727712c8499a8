//! Servers elsewhere: HTTP/2 with prior knowledge, connected when needed, the load spread over them.

mod pool;

use std::time::Duration;

use http::Uri;
use tonic::transport::Endpoint;

pub use pool::{Channels, Overloaded};

/// Time to connect. Then the call is UNAVAILABLE.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A server that is silent for so long is probed by TCP, and gone after three probes. Not by HTTP/2 pings: grpc-go ends
/// connections that send more than one in five minutes.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;
/// Several streams share a connection: its window holds a few of theirs.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Why a list of endpoints is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing in the list.
    #[error("no upstream is given")]
    Empty,
    /// Not an URI, or without host and port.
    #[error("`{0}` is no address of an upstream: http://HOST:PORT is expected")]
    NotAnAddress(String),
}

/// Channels to `http://HOST:PORT`, or to several of them, separated by commas. Connects at the first call, and again
/// after a connection was lost. Must be called within a tokio runtime.
///
/// # Errors
/// A list that is empty or has anything else in it.
pub fn channel(endpoints: &str) -> Result<Channels, Error> {
    let endpoints = endpoints
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(endpoint)
        .collect::<Result<Vec<_>, _>>()?;
    match endpoints.is_empty() {
        true => Err(Error::Empty),
        false => Ok(Channels::new(endpoints)),
    }
}

fn endpoint(text: &str) -> Result<Endpoint, Error> {
    let address = text.parse::<Uri>().ok().filter(is_address);
    let address = address.ok_or_else(|| Error::NotAnAddress(text.to_owned()))?;
    Ok(Endpoint::from(address)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(Some(PROBE_AFTER))
        .tcp_keepalive_interval(Some(PROBE_INTERVAL))
        .tcp_keepalive_retries(Some(PROBES))
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .tcp_nodelay(true))
}

fn is_address(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http") && uri.port_u16().is_some() && matches!(uri.path(), "" | "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_checked_before_anything_connects() {
        for list in [
            "http://127.0.0.1:1",
            "http://a:1, http://b:2/,",
            " http://[::1]:1 ",
        ] {
            assert!(channel(list).is_ok(), "{list}");
        }
        for list in [
            "",
            " , ",
            "127.0.0.1:1",
            "https://a:1",
            "http://a",
            "http://a:1/x",
            "http://a:1,b",
        ] {
            assert!(channel(list).is_err(), "{list}");
        }
    }
}
