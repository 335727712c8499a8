//! The command line of `postern jobs`.

use clap::{Args, Subcommand};

use super::{Access, Act, End, Filter};
use crate::exit;

/// The jobs of all partners.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Jobs {
    /// Where, and by which right.
    #[command(flatten)]
    pub access: Access,
    /// What to do.
    #[command(subcommand)]
    pub command: JobsCommand,
}

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Lists jobs, newest first.
    #[command(after_help = exit::HELP)]
    List {
        /// Which.
        #[command(flatten)]
        filter: Filter,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Shows a job with its internals.
    #[command(visible_alias = "show", after_help = exit::HELP)]
    Get {
        /// Which.
        job_id: String,
        /// With its payload, which may hold what is not for everybody's eyes.
        #[arg(long)]
        payload: bool,
    },
    /// Shows a job's history as it was written, oldest first.
    #[command(after_help = exit::HELP)]
    Events {
        /// Of which.
        job_id: String,
    },
    /// Follows one job to its end, or those that a filter matches until Ctrl-C. With --json each change is a line.
    #[command(after_help = exit::HELP)]
    Watch {
        /// Which; exit code 1 when it ends otherwise than SUCCEEDED.
        #[arg(conflicts_with_all = ["partner", "job_type", "states", "condition", "created_after", "created_before", "updated_before"])]
        job_id: Option<String>,
        /// Which, if there is no id.
        #[command(flatten)]
        filter: Filter,
        /// At most so many, the newest.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Asks for the cancellation of jobs, as their partner would.
    #[command(after_help = exit::HELP)]
    Cancel(Act),
    /// Submits jobs that FAILED, were CANCELLED or EXPIRED again, for their partners: new jobs, once.
    #[command(after_help = exit::HELP)]
    Retry(Act),
    /// Sends the tasks of held dead letters again.
    #[command(after_help = exit::HELP)]
    Redrive(Act),
    /// Ends jobs that are stuck. What their consumers still report changes nothing.
    #[command(after_help = exit::HELP)]
    End(End),
}
