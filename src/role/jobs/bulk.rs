//! One thing done to every job that a filter matches, a page at a time: first shown, then asked for, then done.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use indicatif::ProgressBar;
use postern_proto::postern::admin::v1::{ActOnJobsRequest, ActOnJobsResponse, ActedOn, JobAction};

use crate::cli::Act;
use crate::console::remark;
use crate::operator::{Client, Error, Output, view};

/// Of the service, at most.
const PAGE_SIZE: i32 = 100;

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
}

/// Does it to all, unless this is only to be shown, or whoever is asked says no.
pub(super) async fn run(client: &Client, output: &Output, action: JobAction, act: Act) -> Result<(), Error> {
    let (is_rehearsal, is_agreed) = (act.dry_run, act.yes);
    let bulk = Bulk {
        client,
        output,
        action,
        act,
    };
    if is_rehearsal {
        let count = bulk.pages(true).await?;
        remark(&format!(
            "{}: {}",
            bulk.verb(),
            count.words("would be done", "not possible")
        ));
        return Ok(());
    }
    if !is_agreed && !bulk.agreed().await? {
        remark("nothing was done");
        return Ok(());
    }
    let count = bulk.pages(false).await?;
    let words = format!("{}: {}", bulk.verb(), count.words("done", "refused"));
    if count.refused > 0 {
        return Err(Error::Failed(words));
    }
    remark(&words);
    Ok(())
}

impl Bulk<'_> {
    /// Shows what would be done, and asks.
    async fn agreed(&self) -> Result<bool, Error> {
        if !std::io::stdin().is_terminal() {
            let text = "nobody is there to ask: say --yes to do it, or --dry-run to see what would be done";
            return Err(Error::Usage(text.to_owned()));
        }
        let count = self.pages(true).await?;
        if count.done == 0 {
            return Ok(false);
        }
        let mut error = std::io::stderr().lock();
        let _ = write!(error, "{} {}? [y/N] ", self.verb(), jobs(count.done));
        let _ = error.flush();
        let mut answer = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut answer)
            .map_err(|error| Error::Failed(format!("standard input: {error}")))?;
        Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
    }

    async fn pages(&self, dry_run: bool) -> Result<Count, Error> {
        let progress = ProgressBar::new_spinner();
        let (mut count, mut page_token) = (Count::default(), String::new());
        loop {
            let page = self.page(dry_run, page_token).await?;
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

    async fn page(&self, dry_run: bool, page_token: String) -> Result<ActOnJobsResponse, Error> {
        let question = ActOnJobsRequest {
            filter: Some(self.act.filter.to_proto()),
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
