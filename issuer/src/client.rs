//! The well-known clients, their secrets and what they may do.

const PARTNER: &[&str] = &["jobs/submit", "jobs/read", "jobs/cancel"];
const CLIENTS: [Client; 4] = [
    Client {
        id: "acme",
        secret: "acme-secret",
        scopes: PARTNER,
    },
    Client {
        id: "globex",
        secret: "globex-secret",
        scopes: PARTNER,
    },
    Client {
        id: "worker",
        secret: "worker-secret",
        scopes: &["work/execute"],
    },
    Client {
        id: "operator",
        secret: "operator-secret",
        scopes: &["jobs/admin"],
    },
];

/// Somebody who may have tokens.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    secret: &'static str,
    scopes: &'static [&'static str],
}

/// The names of the clients.
pub fn clients() -> impl Iterator<Item = &'static str> {
    CLIENTS.iter().map(|client| client.id)
}

impl Client {
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.id == id)
    }

    /// The client, if it knows its secret. The secrets are public, so nothing is given away by how long this takes.
    pub(crate) fn authenticate(id: &str, secret: &str) -> Option<&'static Self> {
        Self::find(id).filter(|client| client.secret == secret)
    }

    /// The scopes of a token: those asked for, or all. The error is one that the client may not have.
    pub(crate) fn grant(&self, scope: Option<&str>) -> Result<String, String> {
        let asked: Vec<&str> = scope.unwrap_or_default().split_ascii_whitespace().collect();
        match asked.iter().find(|scope| !self.scopes.contains(scope)) {
            Some(denied) => Err((*denied).to_owned()),
            None if asked.is_empty() => Ok(self.scopes.join(" ")),
            None => Ok(asked.join(" ")),
        }
    }
}

/// Every scope that somebody may have.
pub(crate) fn scopes() -> Vec<&'static str> {
    let mut scopes: Vec<_> = CLIENTS.iter().flat_map(|client| client.scopes).copied().collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}
