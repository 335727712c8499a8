//! The command line of `postern catalog`.

use clap::{Args, Subcommand};

/// What to do with a catalog.
#[derive(Debug, Args)]
pub struct Catalog {
    /// What to do.
    #[command(subcommand)]
    pub command: CatalogCommand,
}

/// What can be done with a catalog.
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Prints tasks as their consumers get them, one for each example of a job type: each a line of JSON that is a request of SQS's
    /// `SendMessage` without its queue. Their outcome tokens are no server's.
    Example {
        /// Of which job type; of every one when not given.
        job_type: Option<String>,
    },
}
