//! What the commands of operators share: a client of a server that runs somewhere and knows who asks by their token, and how its answers
//! are shown.
//!
//! Knows nothing of what is behind that server.

mod client;
mod each;
mod error;
pub(crate) mod issuer;
mod json;
mod output;
mod pages;
mod refusal;
mod table;
mod tokens;
pub(crate) mod view;

pub(crate) use client::Client;
pub(crate) use each::each;
pub use error::Error;
pub(crate) use json::object;
pub(crate) use output::Output;
pub(crate) use pages::pages;
pub(crate) use table::{Cell, Table};
