//! Jobs as they change: asked for every second, since operators look at few, and see more of them than any stream tells.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use console::Term;
use postern_proto::postern::admin::v1::{Job, JobFilter};

use crate::console::{remark, say};
use crate::operator::{Client, Error, Output, view};

const EVERY: Duration = Duration::from_secs(1);

/// One job, to its end: a line each time it looks otherwise.
pub(super) async fn one(client: &Client, output: &Output, job_id: String) -> Result<(), Error> {
    let mut shown = Shown::default();
    let mut watched = Watched::default();
    loop {
        if let Some(job) = watched.look(super::read(client, job_id.clone(), false).await)? {
            let is_last = view::is_terminal(&job);
            let state = view::state(&job);
            shown.tell(output, vec![job])?;
            if is_last {
                return ended(&job_id, state);
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Those that a filter matches, until whoever looks has seen enough: a table that stays where it is on a terminal, elsewhere a line for
/// each that looks otherwise.
pub(super) async fn many(
    client: &Client,
    output: &Output,
    filter: JobFilter,
    limit: u32,
) -> Result<(), Error> {
    let mut shown = Shown::default();
    let mut watched = Watched::default();
    let page_size = i32::try_from(limit).unwrap_or(i32::MAX);
    let is_redrawn = std::io::stdout().is_terminal() && !output.is_json();
    loop {
        let page = super::page(client, filter.clone(), page_size, String::new()).await;
        if let Some((jobs, _)) = watched.look(page)? {
            if is_redrawn {
                shown.redraw(&jobs);
            } else {
                shown.tell(output, jobs)?;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// A script goes by the exit code: done is what was to be done.
fn ended(job_id: &str, state: &str) -> Result<(), Error> {
    if state == "SUCCEEDED" {
        return Ok(());
    }
    Err(Error::Failed(format!("{job_id} is {state}")))
}

/// Who watches outlives a server that is started anew.
#[derive(Default)]
struct Watched {
    has_seen: bool,
    is_away: bool,
}

impl Watched {
    /// What was seen, if anything; an error ends it, unless it passes by itself.
    fn look<T>(&mut self, seen: Result<T, Error>) -> Result<Option<T>, Error> {
        match seen {
            Ok(seen) => {
                self.has_seen = true;
                self.is_away = false;
                Ok(Some(seen))
            }
            Err(Error::Unavailable(why)) if self.has_seen => {
                if !self.is_away {
                    remark(&format!("waiting: {why}"));
                }
                self.is_away = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What was told so far.
#[derive(Default)]
struct Shown {
    /// By job, as it was told last.
    told: HashMap<String, String>,
    lines: usize,
}

impl Shown {
    /// A line for each job that looks otherwise than before; jobs that are gone are forgotten.
    fn tell(&mut self, output: &Output, mut jobs: Vec<Job>) -> Result<(), Error> {
        jobs.reverse();
        let mut told = HashMap::new();
        for job in jobs {
            let line = match output.line(&job) {
                Some(line) => line?,
                None => view::job_line(&job),
            };
            let id = job.job.map(|seen| seen.job_id).unwrap_or_default();
            if self.told.get(&id) != Some(&line) {
                say(&line);
            }
            told.insert(id, line);
        }
        self.told = told;
        Ok(())
    }

    /// The table where it was.
    fn redraw(&mut self, jobs: &[Job]) {
        let table = view::jobs(jobs);
        let terminal = Term::stdout();
        // A terminal that is gone shows nothing, and that is no error.
        let _ = terminal.clear_last_lines(self.lines);
        say(&table.to_string());
        self.lines = table.len();
    }
}
