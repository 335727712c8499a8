//! What operators may do, on SQLite and PostgreSQL: what they see, what it changes, and what is written down of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod act;
mod again;
mod cancel;
mod end;
mod list;
mod pauses;
mod quarantine;
mod races;
mod show;
mod world;
