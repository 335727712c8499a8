//! Tokens, keys and rules, against issuers that answer over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod key_server;
mod keys;
mod rules;
mod tokens;
mod world;
