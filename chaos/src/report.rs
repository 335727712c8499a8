//! What a campaign came to, as one block of text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::installation::Database;
use crate::ledger::Pages;
use crate::part::Role;
use crate::verdict::Verdict;

/// The figures of a campaign.
#[derive(Debug)]
pub struct Report {
    /// What decided who was killed when.
    pub seed: u64,
    /// Which database it had.
    pub database: Database,
    /// How often whom.
    pub kills: BTreeMap<Role, usize>,
    /// What became of the jobs.
    pub verdict: Verdict,
    /// Calls that were made again because nobody knew what came of them.
    pub unknown: usize,
    /// The longest time from a kill to the next acknowledgement, and what was killed.
    pub acknowledged_after: Option<(Duration, Role)>,
    /// The same to the next end of a job that a reader saw.
    pub ended_after: Option<(Duration, Role)>,
    /// The whole campaign.
    pub took: Duration,
    /// What must not be.
    pub violations: Vec<String>,
    /// How often that happened.
    pub violations_total: usize,
    /// Where the logs are, when something was wrong.
    pub folder: Option<PathBuf>,
}

impl Report {
    /// Whether nothing was lost, doubled, or otherwise as it must not be.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.violations_total == 0 && self.verdict.lost == 0 && self.verdict.doubled == 0
    }
}

/// The longest time from a kill to the next of these moments. After the last of them nobody waited any more.
pub(crate) fn longest_wait(pages: &Pages, moments: &[Instant]) -> Option<(Duration, Role)> {
    let wait = |(role, kill): &(Role, Instant)| {
        let next = moments.iter().filter(|moment| *moment >= kill).min()?;
        Some((*next - *kill, *role))
    };
    pages.kills.iter().filter_map(wait).max()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills: usize = self.kills.values().sum();
        let verdict = &self.verdict;
        writeln!(
            f,
            "chaos on {:?}, seed {}, {:.0?}",
            self.database, self.seed, self.took
        )?;
        writeln!(f, "  kills             {kills}{}", by(&self.kills))?;
        writeln!(f, "  jobs              {}{}", verdict.jobs, by(&verdict.states))?;
        writeln!(f, "  acknowledged      {}", verdict.acknowledged)?;
        writeln!(f, "  lost              {}", verdict.lost)?;
        writeln!(f, "  doubled           {}", verdict.doubled)?;
        writeln!(f, "  calls made again  {}", self.unknown)?;
        writeln!(
            f,
            "  longest recovery  {} to an acknowledgement, {} to a job's end",
            wait(self.acknowledged_after),
            wait(self.ended_after)
        )?;
        write!(f, "  violations        {}", self.violations_total)?;
        for violation in &self.violations {
            write!(f, "\n    {violation}")?;
        }
        if let Some(folder) = &self.folder {
            write!(f, "\n  logs              {}", folder.display())?;
        }
        Ok(())
    }
}

fn by<K: fmt::Display>(counts: &BTreeMap<K, usize>) -> String {
    let parts: Vec<_> = counts
        .iter()
        .map(|(what, count)| format!("{what} {count}"))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

fn wait(longest: Option<(Duration, Role)>) -> String {
    longest.map_or_else(
        || "none".to_owned(),
        |(time, role)| format!("{time:.1?} (after the {role})"),
    )
}
