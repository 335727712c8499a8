//! What the commands of operators share: clients of a server that runs somewhere, which knows who asks by their token.
//!
//! Knows nothing of what is behind that server.

mod error;
pub(crate) mod issuer;

pub use error::Error;
