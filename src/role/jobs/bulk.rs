//! One thing done to every job that a filter matches, a page at a time: first shown, then asked for, then done.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use indicatif::ProgressBar;
use postern_proto::postern::admin::v1::{ActOnJobsRequest, ActOnJobsResponse, ActedOn, JobAction, JobFilter};
use prost_types::Timestamp;

use crate::cli::Act;
use crate::console::remark;
use crate::operator::{Client, Error, Output, view};

/// Of the service, at most.
const PAGE_SIZE: i32 = 100;
/// Jobs are told apart by no less.
const MILLISECOND_NANOS: i32 = 1_000_000;

/// What is to be done, to which, and why.
struct Bulk<'a> {
    client: &'a Client,
    output: &'a Output,
    action: JobAction,
    act: Act,
}

/// What became of the jobs.
#[derive(Default)]
struct Count {
    done: usize,
    refused: usize,
    /// When the newest of them was created: they come newest first.
    newest: Option<Timestamp>,
}

/// Does it to all, unless this is only to be shown, or whoever is asked says no.
pub(super) async fn run(client: &Client, output: &Output, action: JobAction, act: Act) -> Result<(), Error> {
    let (is_rehearsal, is_agreed) = (act.dry_run, act.yes);
    let mut filter = act.filter.to_proto();
    let bulk = Bulk {
        client,
        output,
        action,
        act,
    };
    if is_rehearsal {
        let count = bulk.pages(&filter, true).await?;
        remark(&format!(
            "{}: {}",
            bulk.verb(),
            count.words("would be done", "not possible")
        ));
        return Ok(());
    }
    if !is_agreed {
        let Some(newest) = bulk.agreed(&filter).await? else {
            remark("nothing was done");
            return Ok(());
        };
        none_newer(&mut filter, newest);
    }
    let count = bulk.pages(&filter, false).await?;
    let words = format!("{}: {}", bulk.verb(), count.words("done", "refused"));
    if count.refused > 0 {
        return Err(Error::Failed(words));
    }
    remark(&words);
    Ok(())
}

impl Bulk<'_> {
    /// Shows what would be done, and asks; where the answer is yes, when the newest was created of those that were shown.
    async fn agreed(&self, filter: &JobFilter) -> Result<Option<Timestamp>, Error> {
        if !std::io::stdin().is_terminal() {
            let text = "nobody is there to ask: say --yes to do it, or --dry-run to see what would be done";
            return Err(Error::Usage(text.to_owned()));
        }
        let count = self.pages(filter, true).await?;
        if count.done == 0 {
            return Ok(None);
        }
        let mut error = std::io::stderr().lock();
        let _ = write!(error, "{} {}? [y/N] ", self.verb(), jobs(count.done));
        let _ = error.flush();
        let mut answer = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut answer)
            .map_err(|error| Error::Failed(format!("standard input: {error}")))?;
        let is_yes = ["y", "yes"].contains(&answer.trim().to_lowercase().as_str());
        Ok(count.newest.filter(|_| is_yes))
    }

    async fn pages(&self, filter: &JobFilter, dry_run: bool) -> Result<Count, Error> {
        let progress = ProgressBar::new_spinner();
        let (mut count, mut page_token) = (Count::default(), String::new());
        loop {
            let page = self.page(filter, dry_run, page_token).await?;
            count.newest = count.newest.or_else(|| created(page.jobs.first()?));
            let refused = page.jobs.iter().filter(|job| job.error.is_some()).count();
            count.refused += refused;
            count.done += page.jobs.len() - refused;
            progress.suspend(|| self.show(&page.jobs))?;
            progress.set_message(jobs(count.done + count.refused));
            progress.tick();
            page_token = page.next_page_token;
            if page_token.is_empty() {
                progress.finish_and_clear();
                return Ok(count);
            }
        }
    }

    fn show(&self, jobs: &[ActedOn]) -> Result<(), Error> {
        self.output.all(jobs, view::acted_on)
    }

    async fn page(
        &self,
        filter: &JobFilter,
        dry_run: bool,
        page_token: String,
    ) -> Result<ActOnJobsResponse, Error> {
        let question = ActOnJobsRequest {
            filter: Some(filter.clone()),
            action: self.action.into(),
            reason: self.act.reason.clone(),
            dry_run,
            page_size: PAGE_SIZE,
            page_token,
        };
        let answer = self.client.call(question, async |mut admin, request| {
            admin.act_on_jobs(request).await
        });
        answer.await
    }

    fn verb(&self) -> String {
        view::action(self.action)
    }
}

fn created(acted_on: &ActedOn) -> Option<Timestamp> {
    acted_on.job.as_ref()?.job.as_ref()?.create_time
}

/// Leaves out what was submitted since somebody was asked: nobody has agreed to that.
fn none_newer(filter: &mut JobFilter, newest: Timestamp) {
    let mut next = Timestamp {
        nanos: newest.nanos + MILLISECOND_NANOS,
        ..newest
    };
    next.normalize();
    let is_earlier = |before: &Timestamp| (before.seconds, before.nanos) < (next.seconds, next.nanos);
    filter.created_before = Some(filter.created_before.filter(is_earlier).unwrap_or(next));
}

fn jobs(count: usize) -> String {
    match count {
        1 => "1 job".to_owned(),
        others => format!("{others} jobs"),
    }
}

impl Count {
    fn words(&self, done: &str, refused: &str) -> String {
        match self.refused {
            0 => format!("{} {done}", self.done),
            others => format!("{} {done}, {others} {refused}", self.done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_submitted_after_the_question_is_left_out() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let newest = time("2026-01-31T09:00:00.999Z");
        let with = |created_before| {
            let mut filter = JobFilter {
                created_before,
                ..JobFilter::default()
            };
            none_newer(&mut filter, newest);
            filter.created_before.unwrap()
        };
        let next = time("2026-01-31T09:00:01Z");
        assert_eq!(with(None), next);
        assert_eq!(with(Some(time("2026-02-01T00:00:00Z"))), next);
        let asked = time("2026-01-31T08:00:00Z");
        assert_eq!(with(Some(asked)), asked);
    }
}
