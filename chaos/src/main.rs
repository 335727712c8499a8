//! `postern-chaos`: holds a campaign and prints what it came to. Exit code 1 when anything was lost, doubled, or otherwise as it must not be.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::process::ExitCode;

use clap::Parser;
use postern_chaos::{Campaign, Database, programs_beside};

/// Kills the processes of a whole installation at random, under load, and checks that nothing was lost or done twice.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often something is killed.
    #[arg(long, default_value_t = 40)]
    kills: usize,
    /// On which database.
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Database,
    /// What decides who is killed when; any, when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Clients that submit at the same time.
    #[arg(long, default_value_t = 6)]
    clients: usize,
    /// Keep the folder with all logs and data even when all went well.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let campaign = Campaign {
        programs: programs_beside(&std::env::current_exe()?)?,
        database: arguments.database,
        kills: arguments.kills,
        seed: arguments.seed.unwrap_or_else(any_seed),
        clients: arguments.clients,
        keeps_folder: arguments.keep,
    };
    println!("chaos: seed {}", campaign.seed);
    let report = campaign.run().await?;
    println!("{report}");
    Ok(ExitCode::from(u8::from(!report.is_good())))
}

/// From the clock: it need not be secret, only another one each time.
fn any_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| u64::from(since.subsec_micros()) ^ since.as_secs())
}
