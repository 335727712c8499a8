//! Readers of all of a partner's jobs by cursor: one polls changes, one watches and hangs up again and again. In the end each must have seen
//! every job as it ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::RETRY_PAUSE;
use crate::dice::Dice;
use crate::door::{Answer, Door};
use crate::ledger::Ledger;
use crate::seen::Seen;
use crate::sse::Events;

/// Once nothing changes any more, a reader that hears nothing for so long has heard all.
const SILENCE_MAX: Duration = Duration::from_secs(4);
/// A page of changes: small enough that there are several.
const PAGE: usize = 20;

/// One reader and where it stands.
#[derive(Debug)]
pub(crate) struct Follower {
    way: Way,
    partner: &'static str,
    door: Door,
    ledger: Arc<Ledger>,
    dice: Dice,
    cursor: String,
    /// Every job as it was seen last.
    jobs: HashMap<String, Seen>,
}

/// How it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `ListJobChanges`, with a long poll.
    Polls,
    /// `WatchJobs` over SSE, resumed by `Last-Event-ID`.
    Watches,
}

impl Follower {
    /// A reader that has missed nothing from now on.
    ///
    /// # Errors
    /// When it is given no cursor.
    pub(crate) async fn new(
        way: Way,
        partner: &'static str,
        door: Door,
        ledger: Arc<Ledger>,
        dice: Dice,
    ) -> anyhow::Result<Self> {
        let cursor = loop {
            match door.read("/v1/jobs:changes").await {
                Answer::Done(page) => break text(&page["nextCursor"]),
                Answer::Refused(reason) => anyhow::bail!("no cursor: {reason}"),
                Answer::Unknown => sleep(RETRY_PAUSE).await,
            }
        };
        Ok(Self {
            way,
            partner,
            door,
            ledger,
            dice,
            cursor,
            jobs: HashMap::new(),
        })
    }

    /// Reads on until it is told that nothing changes any more, and then until it has heard all.
    pub(crate) async fn run(mut self, settled: CancellationToken) -> Self {
        loop {
            // Before the last look: what changed until then is in it.
            let is_last = settled.is_cancelled();
            let heard = match self.way {
                Way::Polls => self.poll(is_last).await,
                Way::Watches => self.watch(is_last).await,
            };
            match heard {
                Heard::Some => {}
                Heard::All if is_last => return self,
                Heard::All => {}
                Heard::Nothing => sleep(RETRY_PAUSE).await,
            }
        }
    }

    /// Whether it saw every one of its partner's jobs as it ended.
    pub(crate) fn compare(&self, jobs: &[Seen]) {
        for job in jobs {
            let seen = self.jobs.get(&job.job_id);
            let is_end = seen.is_some_and(|seen| (seen.state, seen.revision) == (job.state, job.revision));
            if !is_end {
                let what = format!(
                    "who {:?} the jobs of {} saw {seen:?} last, not {job:?}",
                    self.way, self.partner
                );
                self.ledger.violation(what);
            }
        }
    }

    /// Whose jobs it reads.
    pub(crate) const fn partner(&self) -> &'static str {
        self.partner
    }

    async fn poll(&mut self, is_last: bool) -> Heard {
        let wait = if is_last { "0s" } else { "2s" };
        let path = format!(
            "/v1/jobs:changes?cursor={}&pageSize={PAGE}&wait={wait}",
            self.cursor
        );
        match self.door.read(&path).await {
            Answer::Done(page) => {
                self.cursor = text(&page["nextCursor"]);
                let jobs = page["jobs"].as_array().map(Vec::as_slice).unwrap_or_default();
                for job in jobs {
                    self.saw(job);
                }
                if jobs.is_empty() { Heard::All } else { Heard::Some }
            }
            Answer::Refused(reason) => self.refused(&reason),
            Answer::Unknown => Heard::Nothing,
        }
    }

    /// One connection, which it soon ends itself, unless it is the last one.
    async fn watch(&mut self, is_last: bool) -> Heard {
        let hang_up = Instant::now() + self.dice.between(100, 2_000);
        let request = self
            .door
            .open("/v1/jobs:watch")
            .header("accept", "text/event-stream");
        let request = request.header("last-event-id", &self.cursor);
        let Ok(Ok(response)) = timeout(SILENCE_MAX, request.send()).await else {
            return Heard::Nothing;
        };
        match response.status() {
            StatusCode::OK => {}
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => return Heard::Nothing,
            other => return self.refused(other.as_str()),
        }
        let mut events = Events::new(response);
        while is_last || Instant::now() < hang_up {
            let began = Instant::now();
            let Some(event) = events.next(SILENCE_MAX).await else {
                let is_silent = began.elapsed() >= SILENCE_MAX;
                return if is_silent { Heard::All } else { Heard::Some };
            };
            if event.kind.is_some() {
                return Heard::Some;
            }
            if event.data["job"].is_object() {
                self.saw(&event.data["job"]);
            }
            self.cursor = event.id.unwrap_or_else(|| self.cursor.clone());
        }
        Heard::Some
    }

    fn saw(&mut self, job: &Value) {
        let seen = match Seen::from_json(job) {
            Ok(seen) => seen,
            Err(error) => return self.ledger.violation(format!("a change said {error}")),
        };
        self.ledger.saw(&seen);
        if let Some(last) = self
            .jobs
            .get(&seen.job_id)
            .filter(|last| last.revision > seen.revision)
        {
            let what = format!("who {:?} was taken back from {last:?} to {seen:?}", self.way);
            self.ledger.violation(what);
        }
        self.jobs.insert(seen.job_id.clone(), seen);
    }

    fn refused(&self, reason: &str) -> Heard {
        self.ledger
            .violation(format!("who {:?} was refused: {reason}", self.way));
        Heard::All
    }
}

/// What one reading came to.
enum Heard {
    /// Something, and there may be more.
    Some,
    /// All that there was.
    All,
    /// Nobody answered.
    Nothing,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
