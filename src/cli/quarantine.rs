//! The command line of `postern quarantine`.

use clap::{Args, Subcommand};

use super::Access;
use crate::exit;

/// Messages that could not be used.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Quarantine {
    /// Where, and by which right.
    #[command(flatten)]
    pub access: Access,
    /// What to do.
    #[command(subcommand)]
    pub command: QuarantineCommand,
}

/// What can be done with messages that could not be used.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// Lists them, newest first.
    #[command(after_help = exit::HELP)]
    List {
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Shows one with its body.
    #[command(visible_alias = "show", after_help = exit::HELP)]
    Get {
        /// Which.
        quarantine_id: String,
        /// The body alone, byte by byte, for a file or another program.
        #[arg(long, conflicts_with = "json")]
        body: bool,
    },
    /// Has them collected again, as if they had just arrived.
    #[command(after_help = exit::HELP)]
    Replay(Letters),
    /// Deletes them for good.
    #[command(after_help = exit::HELP)]
    Drop(Letters),
}

/// Which messages, and why.
#[derive(Debug, Args)]
pub struct Letters {
    /// Which.
    #[arg(required = true, value_name = "QUARANTINE_ID")]
    pub quarantine_ids: Vec<String>,
    /// Why: kept among what operators did, with your name.
    #[arg(long)]
    pub reason: String,
}
