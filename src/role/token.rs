//! `postern token`: a token of the configured issuer, or of the development issuer, as a running `postern dev` accepts it.

use std::io::BufRead as _;

use crate::cli::Token;
use crate::config::Config;
use crate::console::say;
use crate::operator::Error;
use crate::operator::issuer::{Credentials, Issuer};

/// Far more than any secret has.
const SECRET_BYTES_MAX: u64 = 4 * 1024;

/// Prints the token alone, for `$(postern token)`.
///
/// # Errors
/// When the issuer gives none to this client, or none with this scope.
pub async fn run(config: &Config, asked: &Token) -> anyhow::Result<()> {
    let issuer = asked
        .issuer
        .as_deref()
        .or(config.issuers.first().map(String::as_str));
    let token = match issuer {
        Some(issuer) => fetch(issuer, config, asked).await?,
        None => develop(config, asked)?,
    };
    say(&token);
    Ok(())
}

async fn fetch(issuer: &str, config: &Config, asked: &Token) -> Result<String, Error> {
    if asked.expires_in.is_some() {
        return Err(Error::Usage(format!(
            "--expires-in is for the development issuer: {issuer} decides how long its tokens hold"
        )));
    }
    let client_id = asked.client.clone().or_else(|| config.operator.client_id.clone());
    let client_secret = if asked.secret_stdin {
        Some(read_secret()?)
    } else {
        config.operator.client_secret.clone()
    };
    let who = Credentials {
        client_id: client_id.ok_or_else(|| lacking("whose: --client, or POSTERN_CLIENT_ID"))?,
        client_secret: client_secret
            .ok_or_else(|| lacking("the client's secret: POSTERN_CLIENT_SECRET, or --secret-stdin"))?,
    };
    let token = Issuer::new(issuer)?.token(&who, asked.scope.as_deref()).await?;
    Ok(token.access_token)
}

fn lacking(what: &str) -> Error {
    Error::Usage(format!("a token of an issuer needs {what}"))
}

fn read_secret() -> Result<String, Error> {
    let mut line = String::new();
    let mut input = std::io::Read::take(std::io::stdin().lock(), SECRET_BYTES_MAX);
    input
        .read_line(&mut line)
        .map_err(|error| Error::Failed(format!("standard input: {error}")))?;
    let secret = line.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(lacking("the client's secret on standard input, which is empty"));
    }
    Ok(secret.to_owned())
}

#[cfg(feature = "dev")]
fn develop(config: &Config, asked: &Token) -> anyhow::Result<String> {
    use std::time::Duration;

    if asked.secret_stdin {
        anyhow::bail!(Error::Usage(
            "--secret-stdin is for an issuer: name one by --issuer or POSTERN_ISSUER".to_owned()
        ));
    }
    let issuer = crate::stack::issuer(config.edge_listen)?;
    let (client, scope) = (asked.client.as_deref().unwrap_or("acme"), asked.scope.as_deref());
    let lifetime = asked.expires_in.unwrap_or(Duration::from_hours(1));
    Ok(issuer.token(client, scope, lifetime)?)
}

#[cfg(not(feature = "dev"))]
fn develop(_config: &Config, _asked: &Token) -> anyhow::Result<String> {
    Err(lacking("the issuer: --issuer, or POSTERN_ISSUER").into())
}
