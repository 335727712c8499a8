//! The consumer SDK against a real SQS endpoint over HTTP: what a handler does, and what the two queues then show.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod batches;
mod contacts;
mod delivery;
mod drain;
mod hang;
mod outcomes;
mod policy;
mod script;
mod stack;
mod tap;
