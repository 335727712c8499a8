//! The whole crate through its public face: a table of cases a concern, and prost-reflect as an oracle.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy.toml allows both in test functions, not in what they call"
)]

mod any;
mod collections;
mod corpus;
mod differential;
mod editions;
mod field_paths;
mod fixture;
mod hostile;
mod messages;
mod numbers;
mod options;
mod strings;
mod structs;
mod times;
mod wire_rules;
