//! `postern token`: a token of the development issuer, as a running `postern dev` accepts it.

use postern_issuer::Issuer;

use crate::cli::Token;
use crate::config::Config;
use crate::console::say;

/// Prints the token alone, for `$(postern token)`.
///
/// # Errors
/// When the issuer has no such client, or the client no such scope.
pub fn run(config: &Config, token: &Token) -> anyhow::Result<()> {
    let issuer = Issuer::new(&format!("http://{}", config.edge_listen))?;
    say(&issuer.token(&token.client, token.scope.as_deref(), token.expires_in)?);
    Ok(())
}
