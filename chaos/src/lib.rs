//! A bounded campaign against a whole installation of real processes: clients submit under load, readers follow, and random processes are
//! killed with SIGKILL at random moments and started again. In the end everything is checked from outside: what was acknowledged has ended,
//! nothing was done twice, and nobody ever saw an end change.
//!
//! The seed decides who is killed when and what is asked for; what that meets at the same moment is the machine's business.

mod client;
mod crowd;
mod dice;
mod door;
pub mod faults;
mod follower;
mod history;
mod installation;
mod killer;
mod ledger;
mod order;
mod part;
mod process;
mod report;
mod seen;
mod shards;
mod sse;
mod supervisor;
mod verdict;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::time::Instant;

use crowd::{Crowd, UP_MAX};
use dice::Dice;
use door::Door;
use installation::Installation;
use ledger::Ledger;
use order::PARTNERS;
use verdict::Doors;

pub use installation::{Database, Programs};
pub use part::Role;
pub use process::Process;
pub use report::Report;
pub use verdict::Verdict;

/// What a campaign is told.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// What to run.
    pub programs: Programs,
    /// On which database.
    pub database: Database,
    /// How often something is killed.
    pub kills: usize,
    /// What decides the rest.
    pub seed: u64,
    /// How many clients submit at the same time.
    pub clients: usize,
    /// Whether the folder with all logs and data stays even when all went well.
    pub keeps_folder: bool,
}

impl Campaign {
    /// Runs it: about a second and a half a kill, and up to two minutes for the end.
    ///
    /// # Errors
    /// When it could not be held at all. What it found is in the report.
    pub async fn run(self) -> anyhow::Result<Report> {
        // The second campaign of a process finds it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let began = Instant::now();
        let folder = tempfile::Builder::new().prefix("postern-chaos-").tempdir()?;
        let ledger = Arc::new(Ledger::default());
        let mut installation =
            Installation::start(&self.programs, self.database, folder.path(), &ledger).await?;
        let mut dice = Dice::new(self.seed);
        let doors = doors(&installation)?;
        let crowd = Crowd::gather(self.clients, &doors, &ledger, &mut dice).await?;
        let kills = killer::kill(&installation.handles, self.kills, &mut dice).await;
        if let Err(down) = installation.all_up(UP_MAX).await {
            ledger.violation(format!("not up again: {down}"));
        }
        let followers = crowd.leave(&doors, &ledger).await?;
        let verdict = verdict::judge(&doors, &installation.shards, &followers, &ledger).await?;
        if let Err(error) = installation.stop().await {
            ledger.violation(format!("not every part ended: {error:#}"));
        }
        let pages = ledger.pages();
        let mut report = Report {
            seed: self.seed,
            database: self.database,
            kills,
            verdict,
            unknown: pages.unknown,
            acknowledged_after: report::longest_wait(&pages, &pages.acknowledgements),
            ended_after: report::longest_wait(&pages, &pages.ends),
            took: began.elapsed(),
            violations: pages.violations,
            violations_total: pages.violations_total,
            folder: None,
        };
        if self.keeps_folder || !report.is_good() {
            report.folder = Some(folder.keep());
        }
        Ok(report)
    }
}

fn doors(installation: &Installation) -> anyhow::Result<Doors> {
    let door = |partner: &&'static str| {
        let door = Door::new(&installation.edges, &installation.issuer, partner)?;
        Ok((*partner, door))
    };
    PARTNERS.iter().map(door).collect()
}

/// The programs of the build that a program of ours is part of: those beside it.
///
/// # Errors
/// When they are not there.
pub fn programs_beside(program: &std::path::Path) -> anyhow::Result<Programs> {
    let folder = program.parent().context("a folder")?;
    let find = |name: &str| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        anyhow::ensure!(
            path.exists(),
            "{} is not there: `cargo test --workspace --no-run` builds it",
            path.display()
        );
        Ok(path)
    };
    Ok(Programs {
        postern: find("postern")?,
        consumer: find("contacts-import")?,
    })
}
