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
use crate::follower::Follower;
use crate::history;
use crate::ledger::Ledger;
use crate::order::Order;
use crate::seen::Seen;
use crate::shards::{self, Rows};

/// The way in of every partner.
pub(crate) type Doors = BTreeMap<&'static str, Door>;

const PAUSE: Duration = Duration::from_millis(200);
const PAGE: usize = 1000;
/// Why jobs fail that must.
const REASON: &str = "ACCOUNT_UNKNOWN";
/// Jobs read at a time.
const AT_ONCE: usize = 8;

/// What became of all jobs.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Jobs that the API lists.
    pub jobs: usize,
    /// Orders that were acknowledged.
    pub acknowledged: usize,
    /// Acknowledged orders without a job, or whose job has not ended or lacks rows.
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
        let mut under_way = 0;
        for door in doors.values() {
            let jobs = all_jobs(door).await?;
            under_way += jobs.iter().filter(|job| !job.is_terminal()).count();
        }
        if under_way == 0 {
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
pub(crate) async fn judge(
    doors: &Doors,
    shards: &Path,
    followers: &[Follower],
    ledger: &Ledger,
) -> anyhow::Result<Verdict> {
    let pages = ledger.pages();
    let mut court = Court {
        ledger,
        jobs: HashMap::new(),
        rows: shards::read(shards).await?,
        verdict: Verdict {
            acknowledged: pages.acknowledged.len() + pages.retried.len(),
            ..Verdict::default()
        },
        ended: Vec::new(),
    };
    for (partner, door) in doors {
        let jobs = all_jobs(door).await?;
        for follower in followers.iter().filter(|follower| follower.partner() == *partner) {
            follower.compare(&jobs);
        }
        for job in jobs {
            ledger.saw(&job);
            court.verdict.jobs += 1;
            court.jobs.entry(key(&job).to_owned()).or_default().push(job);
        }
    }
    for (order, job_id) in pages.acknowledged.values() {
        court.hear(order, job_id);
    }
    for (job_id, (partner, successor)) in &pages.retried {
        court.hear_of_retry(partner, job_id, successor);
    }
    court.ask_after_the_rest();
    read_all(doors, court.ended, ledger).await;
    Ok(court.verdict)
}

/// What is there, and nobody has accounted for yet.
struct Court<'a> {
    ledger: &'a Ledger,
    /// By idempotency key, and those that retry another by that.
    jobs: HashMap<String, Vec<Seen>>,
    /// By job.
    rows: HashMap<String, Rows>,
    verdict: Verdict,
    /// Partner, job and contacts of those whose history and result are still to be read.
    ended: Vec<(&'static str, Seen, usize)>,
}

impl Court<'_> {
    /// One order that was acknowledged as this job.
    fn hear(&mut self, order: &Order, job_id: &str) {
        let Some(job) = self.only_one(&order.request_id, job_id) else {
            return;
        };
        if !may_end(order, &job) {
            self.ledger.violation(format!("{order:?} ended as {job:?}"));
        }
        let left = self.rows.remove(job_id).unwrap_or_default();
        let expected = expected(order, &job);
        if left != expected {
            let is_lost = left.contacts.len() < expected.contacts.len();
            self.verdict.lost += usize::from(is_lost);
            self.verdict.doubled += usize::from(!is_lost);
            self.ledger.violation(format!("{job:?} left {left:?}"));
        }
        self.ended.push((order.partner, job, order.contacts.len()));
    }

    /// One job that was retried as this one. Only what must fail is retried, so it fails again.
    fn hear_of_retry(&mut self, partner: &'static str, job_id: &str, successor: &Seen) {
        let Some(job) = self.only_one(job_id, &successor.job_id) else {
            return;
        };
        if job.state != JobState::Failed || job.reason != REASON {
            self.ledger
                .violation(format!("the retry of {job_id} ended as {job:?}"));
        }
        self.ended.push((partner, job, 0));
    }

    /// The one job that there must be for this key.
    fn only_one(&mut self, key: &str, job_id: &str) -> Option<Seen> {
        let mut jobs = self.jobs.remove(key).unwrap_or_default();
        self.verdict.lost += usize::from(jobs.is_empty());
        self.verdict.doubled += usize::from(jobs.len() > 1);
        if jobs.len() != 1 || jobs[0].job_id != job_id {
            let what = format!("{key} was acknowledged as {job_id}, and is {jobs:?}");
            self.ledger.violation(what);
        }
        let job = jobs.pop()?;
        *self.verdict.states.entry(job.state.as_str_name()).or_default() += 1;
        self.verdict.lost += usize::from(!job.is_terminal());
        Some(job)
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
        JobState::Failed => order.must_fail() && job.reason == REASON,
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

/// What a job is found by: its idempotency key, or the job that it retries.
fn key(job: &Seen) -> &str {
    if job.request_id.is_empty() {
        &job.retried_from
    } else {
        &job.request_id
    }
}

/// The history of every job, and its result where it succeeded, as its partner reads them.
async fn read_all(doors: &Doors, ended: Vec<(&'static str, Seen, usize)>, ledger: &Ledger) {
    stream::iter(ended)
        .for_each_concurrent(AT_ONCE, |(partner, job, contacts)| async move {
            if let Err(what) = read_one(&doors[partner], &job, contacts).await {
                ledger.violation(format!("{}: {what}", job.job_id));
            }
        })
        .await;
}

async fn read_one(door: &Door, job: &Seen, contacts: usize) -> Result<(), String> {
    let job_id = &job.job_id;
    let path = format!("/v1/jobs/{job_id}/events?pageSize=1000");
    history::check(job, &until_known(|| door.read(&path)).await?)?;
    let result = until_known(|| door.get(job_id)).await?.result;
    let expected = (job.state == JobState::Succeeded).then(|| json!({"inserted": contacts, "skipped": 0}));
    if result != expected {
        return Err(format!("its result is {result:?} instead of {expected:?}"));
    }
    Ok(())
}

/// All jobs of a partner.
async fn all_jobs(door: &Door) -> anyhow::Result<Vec<Seen>> {
    let (mut jobs, mut token) = (Vec::new(), String::new());
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
            Some(next) if !next.is_empty() => next.clone_into(&mut token),
            _ => return Ok(jobs),
        }
    }
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
