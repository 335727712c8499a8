//! How operators' commands reach a server: the same for all of them.

use clap::Args;

/// Which server, by which right, and in which form it answers.
#[derive(Debug, Default, Args)]
pub struct Access {
    /// A server, or an edge in front of it, instead of `POSTERN_SERVER`; `http://127.0.0.1:50051` when nothing is said.
    #[arg(long, value_name = "URL", global = true, help_heading = "Access")]
    pub server: Option<String>,
    /// A token with the scope jobs/admin. Others on this machine may see it here: rather set `POSTERN_TOKEN`, or let one be fetched
    /// (`POSTERN_ISSUER`, `POSTERN_CLIENT_ID`, `POSTERN_CLIENT_SECRET`). A running `postern dev` needs none.
    #[arg(long, global = true, help_heading = "Access")]
    pub token: Option<String>,
    /// A line of JSON for each thing, as REST has it, instead of tables.
    #[arg(long, global = true, help_heading = "Access")]
    pub json: bool,
}
