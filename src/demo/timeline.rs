//! What the demo shows: every state as it is seen, a progress bar over all contacts, and the count at the end.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::Done;
use super::input::Import;
use crate::console::say;

/// A job as a watcher sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) job_id: String,
    /// Without its prefix.
    pub(super) state: String,
    pub(super) revision: i64,
    pub(super) completed: u64,
    pub(super) inserted: i64,
    pub(super) skipped: i64,
    /// How it was watched.
    pub(super) over: &'static str,
}

/// All jobs of one round.
#[derive(Debug)]
pub(super) struct Timeline {
    began: Instant,
    bar: ProgressBar,
    accounts: Mutex<HashMap<String, (String, u64)>>,
}

impl Timeline {
    pub(super) fn new(contacts: u64) -> Self {
        let bar = ProgressBar::new(contacts);
        let style = ProgressStyle::with_template("  {bar:40} {pos}/{len} contacts");
        bar.set_style(style.unwrap_or_else(|_invalid| ProgressStyle::default_bar()));
        Self {
            began: Instant::now(),
            bar,
            accounts: Mutex::default(),
        }
    }

    /// Shows what is new of a job.
    pub(super) fn tell(&self, import: &Import, seen: &Seen) {
        let mut accounts = self
            .accounts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (state, completed) = accounts.entry(import.account.clone()).or_default();
        *completed = if seen.state == "SUCCEEDED" {
            import.count
        } else {
            seen.completed
        };
        if *state != seen.state {
            state.clone_from(&seen.state);
            let line = format!(
                "  {:7.3} s  {}  {:<16} {:<4}  r{:<3} {}",
                self.began.elapsed().as_secs_f64(),
                seen.job_id,
                import.account,
                seen.over,
                seen.revision,
                seen.state
            );
            self.bar.suspend(|| say(&line));
        }
        self.bar
            .set_position(accounts.values().map(|(_, completed)| completed).sum());
    }

    pub(super) fn finish(&self) {
        self.bar.finish();
        say("");
    }
}

/// What the jobs say, beside what the databases say.
pub(super) fn table(done: &[Done], rows: &BTreeMap<String, u64>) -> String {
    let mut table = format!(
        "  {:<16} {:>8} {:>8} {:>16}\n",
        "account", "inserted", "skipped", "rows in shard"
    );
    for done in done {
        let rows = rows.get(&done.account).copied().unwrap_or_default();
        let _ = writeln!(
            table,
            "  {:<16} {:>8} {:>8} {:>16}",
            done.account, done.inserted, done.skipped, rows
        );
    }
    let sum = |of: fn(&Done) -> i64| done.iter().map(of).sum::<i64>();
    let _ = writeln!(
        table,
        "  {:<16} {:>8} {:>8} {:>16}",
        "all",
        sum(|done| done.inserted),
        sum(|done| done.skipped),
        rows.values().sum::<u64>()
    );
    table
}
