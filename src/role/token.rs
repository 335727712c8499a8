//! `postern token`: a token of the development issuer, as a running `postern dev` accepts it.

use crate::cli::Token;
use crate::config::Config;
use crate::console::say;
use crate::stack;

/// Prints the token alone, for `$(postern token)`.
///
/// # Errors
/// When the issuer has no such client, or the client no such scope.
pub fn run(config: &Config, token: &Token) -> anyhow::Result<()> {
    let issuer = stack::issuer(config.edge_listen)?;
    say(&issuer.token(&token.client, token.scope.as_deref(), token.expires_in)?);
    Ok(())
}
