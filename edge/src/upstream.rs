//! Servers elsewhere: HTTP/2 with prior knowledge, connected when needed, the load spread over them.

mod connection;
mod exchange;
mod health;
mod pool;
mod server;
mod socket;

use http::Uri;

pub(crate) use connection::NotConnected;
pub use exchange::Answer;
pub use health::Checks;
pub use pool::{Channels, Overloaded};

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
/// after a connection was lost.
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

fn endpoint(text: &str) -> Result<Uri, Error> {
    let address = text.parse().ok().filter(is_address);
    address.ok_or_else(|| Error::NotAnAddress(text.to_owned()))
}

fn is_address(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http") && uri.port_u16().is_some() && matches!(uri.path(), "" | "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_connects() {
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
