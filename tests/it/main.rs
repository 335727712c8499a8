//! Integration tests: stories about the whole stack, over real HTTP, real SQL and a real SQS endpoint.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

mod admin;
mod cancel;
mod consumer;
mod crash;
mod credentials;
mod dead_letters;
mod delete;
mod demo;
mod doctor;
mod errors;
mod expiry;
mod faults;
mod follow;
mod history;
#[cfg(target_os = "linux")]
mod hostile;
mod life;
mod limits;
mod list;
mod metrics;
mod operators;
mod poll;
mod process;
mod proxy;
mod quarantine;
mod reload;
mod replicas;
mod retry;
mod roles;
mod sdk;
mod shutdown;
mod status;
mod submit;
mod token;
mod tokens;
mod transcript;
mod watch;
mod work;
mod world;
