//! The command line of `postern token`.

use std::time::Duration;

use clap::Args;

use crate::exit;

/// Which token.
#[derive(Debug, Default, Args)]
#[command(after_help = exit::HELP)]
pub struct Token {
    /// Whose, instead of `POSTERN_CLIENT_ID`. Of the development issuer: acme (when nothing is said), globex, worker or operator.
    #[arg(long)]
    pub client: Option<String>,
    /// Which scopes, separated by spaces; all that the client may have when not given.
    #[arg(long)]
    pub scope: Option<String>,
    /// Who issues it, instead of `POSTERN_ISSUER`: https, or http on loopback. It is asked where to fetch tokens (OpenID Connect
    /// Discovery), then for one (`client_credentials`), with the secret in `POSTERN_CLIENT_SECRET`.
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Reads the client's secret from standard input, a line, instead of `POSTERN_CLIENT_SECRET`.
    #[arg(long)]
    pub secret_stdin: bool,
    /// Of the development issuer: how long it holds, a number with s, m or h; an hour when not given.
    #[arg(long, value_parser = duration)]
    pub expires_in: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let refused = || format!("{text:?} is not a number with s, m or h");
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(refused)?;
    let number: u64 = number.parse().map_err(|_invalid| refused())?;
    let seconds = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(60 * 60),
        _ => None,
    };
    seconds.map(Duration::from_secs).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for text in ["", "s", "5", "5d", "-5s", "é", "18446744073709551615h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
