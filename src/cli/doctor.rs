//! The command line of `postern doctor`.

use clap::Args;

/// What to look at, and how to tell.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Exit codes:
  0  nothing is wrong; there may be warnings
  1  something is wrong")]
pub struct Doctor {
    /// Also asks a running server, by its gRPC address, whether it serves (grpc.health.v1).
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// One JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
}
