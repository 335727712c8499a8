//! Judges a campaign from outside, once all are up again: every acknowledged job has ended, once, and the consumer's rows say the same.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use futures::{StreamExt as _, stream};
use postern_proto::postern::v1::JobState;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::door::{Answer, Door};
use crate::ledger::Ledger;
use crate::order::Order;
use crate::seen::Seen;
use crate::shards::{self, Rows};

/// The way in of every partner.
pub(crate) type Doors = BTreeMap<&'static str, Door>;

const PAUSE: Duration = Duration::from_millis(200);
const PAGE: usize = 1000;
/// Jobs read at a time.
const AT_ONCE: usize = 8;

/// What became of all jobs.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Jobs that the API lists.
    pub jobs: usize,
    /// Orders that were acknowledged.
    pub acknowledged: usize,
    /// Acknowledged orders without a job, or whose job has not ended.
    pub lost: usize,
    /// Orders with several jobs, and rows that a job had no right to.
    pub doubled: usize,
    /// How many ended how.
    pub states: BTreeMap<&'static str, usize>,
}

/// Waits until nothing is under way any more, at most so long. What still is then will be called lost.
///
/// # Errors
/// When a list is refused.
pub(crate) async fn settled(doors: &Doors, patience: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let jobs = all_jobs(doors).await?;
        if jobs.iter().all(Seen::is_terminal) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Judges. What is wrong is a violation in the ledger.
///
/// # Errors
/// When there is nothing to judge by.
pub(crate) async fn judge(doors: &Doors, shards: &Path, ledger: &Ledger) -> anyhow::Result<Verdict> {
    let acknowledged = ledger.pages().acknowledged;
    let mut court = Court {
        ledger,
        jobs: HashMap::new(),
        rows: shards::read(shards).await?,
        verdict: Verdict {
            acknowledged: acknowledged.len(),
            ..Verdict::default()
        },
        succeeded: Vec::new(),
    };
    for job in all_jobs(doors).await? {
        ledger.saw(&job);
        court.verdict.jobs += 1;
        court.jobs.entry(job.request_id.clone()).or_default().push(job);
    }
    for (order, job_id) in acknowledged.values() {
        court.hear(order, job_id);
    }
    court.ask_after_the_rest();
    results(doors, court.succeeded, ledger).await;
    Ok(court.verdict)
}

/// What is there, and nobody has accounted for yet.
struct Court<'a> {
    ledger: &'a Ledger,
    /// By idempotency key.
    jobs: HashMap<String, Vec<Seen>>,
    /// By job.
    rows: HashMap<String, Rows>,
    verdict: Verdict,
    /// Partner, job and contacts of those whose result is still to be read.
    succeeded: Vec<(&'static str, String, usize)>,
}

impl Court<'_> {
    /// One order that was acknowledged as this job.
    fn hear(&mut self, order: &Order, job_id: &str) {
        let jobs = self.jobs.remove(&order.request_id).unwrap_or_default();
        let [job] = jobs.as_slice() else {
            self.verdict.lost += usize::from(jobs.is_empty());
            self.verdict.doubled += usize::from(jobs.len() > 1);
            let what = format!("{order:?} was acknowledged as {job_id}, and is {jobs:?}");
            return self.ledger.violation(what);
        };
        *self.verdict.states.entry(job.state.as_str_name()).or_default() += 1;
        self.verdict.lost += usize::from(!job.is_terminal());
        if job.job_id != job_id || !may_end(order, job) {
            let what = format!("{order:?} was acknowledged as {job_id}, and is {job:?}");
            self.ledger.violation(what);
        }
        let left = self.rows.remove(job_id).unwrap_or_default();
        if left != expected(order, job) {
            self.verdict.doubled += 1;
            self.ledger.violation(format!("{job:?} left {left:?}"));
        }
        if job.state == JobState::Succeeded {
            self.succeeded
                .push((order.partner, job_id.to_owned(), order.contacts.len()));
        }
    }

    /// What no acknowledged order accounts for.
    fn ask_after_the_rest(&mut self) {
        for job in self.jobs.values().flatten() {
            self.ledger.violation(format!("nobody was told of {job:?}"));
        }
        for (job_id, left) in &self.rows {
            self.verdict.doubled += 1;
            self.ledger
                .violation(format!("{job_id} was not acknowledged, and left {left:?}"));
        }
    }
}

/// How a job may end whose consumer does what it should: nothing expires in so short a time.
fn may_end(order: &Order, job: &Seen) -> bool {
    match job.state {
        JobState::Succeeded => !order.must_fail(),
        JobState::Failed => order.must_fail() && job.reason == "ACCOUNT_UNKNOWN",
        JobState::Cancelled => order.is_cancelled,
        JobState::Unspecified | JobState::Queued | JobState::Running | JobState::Expired => false,
    }
}

/// The rows of a job: all of them when it succeeded, and none otherwise.
fn expected(order: &Order, job: &Seen) -> Rows {
    if job.state != JobState::Succeeded {
        return Rows::default();
    }
    let mut contacts = order.contacts.clone();
    contacts.sort();
    Rows {
        record: i64::try_from(contacts.len()).ok().map(|inserted| (inserted, 0)),
        contacts,
    }
}

/// The result of every job that succeeded, as its partner reads it.
async fn results(doors: &Doors, succeeded: Vec<(&'static str, String, usize)>, ledger: &Ledger) {
    stream::iter(succeeded)
        .for_each_concurrent(AT_ONCE, |(partner, job_id, inserted)| async move {
            let result = match until_known(|| doors[partner].get(&job_id)).await {
                Ok(job) => job.result,
                Err(reason) => return ledger.violation(format!("reading {job_id} was refused: {reason}")),
            };
            if result != Some(json!({"inserted": inserted, "skipped": 0})) {
                ledger.violation(format!("{job_id} inserted {inserted}, and says {result:?}"));
            }
        })
        .await;
}

async fn all_jobs(doors: &Doors) -> anyhow::Result<Vec<Seen>> {
    let mut jobs = Vec::new();
    for door in doors.values() {
        let mut token = String::new();
        loop {
            let path = format!("/v1/jobs?pageSize={PAGE}&pageToken={token}");
            let page: Value = match until_known(|| door.read(&path)).await {
                Ok(page) => page,
                Err(reason) => bail!("a list was refused: {reason}"),
            };
            for job in page["jobs"].as_array().into_iter().flatten() {
                jobs.push(Seen::from_json(job)?);
            }
            match page["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => break,
            }
        }
    }
    Ok(jobs)
}

/// Calls until there is an answer: nothing is killed any more, so there will be one.
async fn until_known<T>(call: impl AsyncFn() -> Answer<T>) -> Result<T, String> {
    loop {
        match call().await {
            Answer::Done(done) => return Ok(done),
            Answer::Refused(reason) => return Err(reason),
            Answer::Unknown => sleep(PAUSE).await,
        }
    }
}
