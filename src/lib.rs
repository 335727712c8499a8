//! Postern in one binary: the roles, the settings, and the stack that `dev`, `demo` and the integration tests start.
//!
//! Only this package sees all the others; they never import one another (ARCHITECTURE.md).

#[cfg(any(feature = "server", feature = "edge"))]
mod admin;
pub mod cli;
pub mod config;
pub mod console;
#[cfg(feature = "dev")]
pub mod demo;
pub mod exit;
#[cfg(feature = "operator")]
pub mod operator;
pub mod role;
pub mod shutdown;
#[cfg(feature = "dev")]
pub mod stack;
