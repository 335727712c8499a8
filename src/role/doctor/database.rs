//! The database: there, and with the schema of this server.

use postern_server::store::{self, Error};

use super::finding::Finding;
use crate::config::Config;
use crate::role::server;

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let place = without_password(&config.database_url);
    let finding = match store::examine(&server::database(config)).await {
        Ok(found) if found.pending_migrations == 0 => Finding::ok(
            "database",
            format!("{}, schema up to date, {place}", found.version),
        ),
        Ok(found) => {
            let says = format!("{place} lacks {} migrations", found.pending_migrations);
            Finding::wrong("database", says, "run `postern migrate`")
        }
        Err(error) => {
            let advice = advice(&error);
            // The cause may be of a driver, which may tell the address with its password: the address is told here without it.
            let says = format!("{place}: {}", cause(&error).replace(&config.database_url, &place));
            Finding::wrong("database", says, advice)
        }
    };
    vec![finding]
}

fn advice(error: &Error) -> &'static str {
    match error {
        Error::File { .. } => "run `postern migrate`, which makes it, or put database_url right",
        Error::Unavailable(_) => {
            "see whether it runs, and whether address, user and password in database_url are right"
        }
        Error::Unsupported => "put database_url right",
        Error::Refused(_) | Error::Corrupt(_) | Error::InUse(_) => {
            "see what the database logs, and whether its user may read the schema"
        }
    }
}

/// What went wrong, and why at bottom.
fn cause(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match std::error::Error::source(error) {
        Some(_) => format!("{error}: {innermost}"),
        None => error.to_string(),
    }
}

/// An address without what only the server should know: who it is there, and what it proves that with.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.split('?').next().unwrap_or(path);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_told() {
        for (url, told) in [
            (
                "postgres://me:secret@db.example:5432/postern?password=x",
                "postgres://db.example:5432/postern",
            ),
            ("postgres://me:se@cret@db.example", "postgres://db.example"),
            ("sqlite:./x.sqlite", "sqlite:./x.sqlite"),
        ] {
            assert_eq!(without_password(url), told);
        }
    }
}
