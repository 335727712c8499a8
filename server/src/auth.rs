//! Token to partner: issuer keys, scopes.
