//! What operators' commands go by: where they ask, and who asks.

use super::Settings;
use super::check::Check;

/// How to reach a server, and by which right.
#[derive(Debug, Clone)]
pub struct Operator {
    /// A server, or an edge in front of it.
    pub server: String,
    /// The token to show, if it is given.
    pub token: Option<String>,
    /// Whose token is fetched otherwise, of the first issuer.
    pub client_id: Option<String>,
    /// What this client proves itself with.
    pub client_secret: Option<String>,
}

pub(super) fn config(check: &mut Check, settings: &Settings) -> Operator {
    let server = settings.server.as_deref().unwrap_or("http://127.0.0.1:50051");
    Operator {
        server: check.url("server", server),
        token: settings.token.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone(),
    }
}
