//! The gRPC server of Postern and its loops: every room stands in ARCHITECTURE.md.

pub mod auth;
pub mod canonical;
pub mod catalog;
pub mod hub;
pub mod job;
pub mod json;
pub mod queue;
pub mod seal;
pub mod store;
