//! Several servers on one PostgreSQL, no leader among them: what they do at once, and one of them a version older.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod half_open;
mod migrations;
mod races;
mod signals;
mod world;
