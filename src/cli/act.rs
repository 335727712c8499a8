//! What operators do to jobs, and to which: named ones, or all that a filter matches.

use clap::{Args, ValueEnum};

use super::Filter;

/// The flags of [`Filter`], by which jobs are chosen that nobody names.
const FILTER: [&str; 7] = [
    "partner",
    "job_type",
    "states",
    "condition",
    "created_after",
    "created_before",
    "updated_before",
];

/// To which jobs, and why.
#[derive(Debug, Args)]
pub struct Act {
    /// To these jobs.
    #[arg(value_name = "JOB_ID", required_unless_present_any = FILTER, conflicts_with_all = FILTER)]
    pub job_ids: Vec<String>,
    /// To all of these.
    #[command(flatten)]
    pub filter: Filter,
    /// Why: kept in the jobs' histories with your name.
    #[arg(long, help_heading = "What")]
    pub reason: String,
    /// Says what would be done to the jobs of a filter, and does nothing.
    #[arg(long, conflicts_with = "job_ids", help_heading = "What")]
    pub dry_run: bool,
    /// Does it to the jobs of a filter without asking.
    #[arg(long, conflicts_with_all = ["dry_run", "job_ids"], help_heading = "What")]
    pub yes: bool,
}

/// How to end jobs.
#[derive(Debug, Args)]
pub struct End {
    /// Which, and why.
    #[command(flatten)]
    pub act: Act,
    /// How they end. SUCCEEDED only where the work is known to be done, and for one job at a time; FAILED tells the partner the reason.
    #[arg(long = "as", value_enum, default_value_t = Ending::Failed, help_heading = "What")]
    pub ending: Ending,
    /// What the partner is to read as the result of a job that SUCCEEDED: a JSON object.
    #[arg(long, value_name = "JSON", help_heading = "What")]
    pub result: Option<String>,
}

/// How an operator may end a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the proto says what each is")]
pub enum Ending {
    Failed,
    Succeeded,
}
