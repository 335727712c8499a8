//! The command lines of `postern queues` and `postern actions`.

use clap::{Args, Subcommand};

use super::Access;
use crate::exit;

/// How things stand: the queues and their dead letters, and what waits, by job type.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Queues {
    /// Where, and by which right.
    #[command(flatten)]
    pub access: Access,
    /// What to do instead of showing that.
    #[command(subcommand)]
    pub command: Option<QueuesCommand>,
}

/// What can be done about what waits.
#[derive(Debug, Subcommand)]
pub enum QueuesCommand {
    /// Hands out no more tasks of a job type or of a partner. Jobs are accepted all the same, and their queue timeouts run on.
    #[command(after_help = exit::HELP)]
    Pause(Subject),
    /// Hands them out again.
    #[command(after_help = exit::HELP)]
    Resume(Subject),
    /// Lists what is paused.
    #[command(after_help = exit::HELP)]
    Pauses,
}

/// Whose tasks, and why.
#[derive(Debug, Args)]
pub struct Subject {
    /// Those of this job type.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "partner",
        conflicts_with = "partner"
    )]
    pub job_type: Option<String>,
    /// Those of this partner.
    #[arg(long, value_name = "ID")]
    pub partner: Option<String>,
    /// Why: kept among what operators did, with your name.
    #[arg(long)]
    pub reason: String,
}

/// What operators did.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Actions {
    /// Where, and by which right.
    #[command(flatten)]
    pub access: Access,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}
