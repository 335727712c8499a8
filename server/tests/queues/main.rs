//! Several queues of tasks, and a server that starts while SQS is away, against an endpoint over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod dead;
mod receivers;
mod requests;
mod routes;
mod start;
mod world;

use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
