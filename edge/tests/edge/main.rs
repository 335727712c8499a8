//! The edge over real connections: HTTP/1.1 and HTTP/2 in front, a gRPC service of its own behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod binding;
mod broken;
mod building;
mod checking;
mod client;
mod compression;
mod connections;
mod cors;
mod deadlines;
mod documents;
mod embedding;
mod errors;
mod grpc;
mod health;
mod hostile;
mod metering;
mod overload;
mod pool;
mod raw;
mod reloading;
mod request_streams;
mod requests;
mod routing;
mod service_config;
mod serving;
mod stage;
mod streams;
mod upstream;
