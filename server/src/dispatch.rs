//! Sends what was committed and not yet sent, each task to the queue of its job type: store to queue.
//!
//! A task is claimed in a commit, sent, and marked in another. A crash in between leaves a claim whose lease ends, and the same task of the
//! same dispatch is sent again: consumers see it twice at worst, never not at all. Knows nothing of outcomes.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::catalog::Catalog;
use crate::job::{Timestamp, millis};
use crate::meters::Dispatched;
use crate::queue::{Jobs, SEND_TIMEOUT, SendError, Task, TaskParts};
use crate::seal::Seal;
use crate::store::system::{Claimed, Sending};
use crate::store::{self, Store};

/// Tasks claimed at a time: five requests to SQS, at once.
const CLAIM_MAX: u64 = 50;
/// Longer than a send may take, and the commit that marks it, so that nobody else sends what is still being sent.
const LEASE: Duration = SEND_TIMEOUT.saturating_add(Duration::from_secs(10));
/// Looks for due tasks at least this often, whatever signals were lost.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// A task whose job type is gone, or that the queue refuses, is looked at again after this time.
const UNSENDABLE_RETRY: Duration = Duration::from_mins(1);

/// The loop that sends tasks.
#[derive(Debug)]
pub struct Dispatch {
    /// Where jobs are.
    pub store: Store,
    /// Where tasks go.
    pub jobs: Jobs,
    /// Which consumer a job type has.
    pub catalog: Arc<Catalog>,
    /// What makes outcome tokens.
    pub seal: Seal,
    /// What is counted of it.
    pub meters: Dispatched,
}

/// What one round came to.
enum Round {
    /// Tasks were sent; there may be more.
    Sent,
    /// Nothing was due.
    Idle,
    /// The queue or the database failed.
    Failed,
}

impl Dispatch {
    /// Sends tasks until it is told to stop; what is being sent then is finished first.
    pub async fn run(self, shutdown: CancellationToken) {
        self.release_abandoned().await;
        let mut backoff = Backoff::default();
        self.find(&mut backoff, &shutdown).await;
        while !shutdown.is_cancelled() {
            let pause = backoff.next();
            match self.round(pause).await {
                Round::Sent => backoff.reset(),
                Round::Idle => {
                    backoff.reset();
                    self.idle(&shutdown).await;
                }
                // A signal must not cut this short: new submissions would hammer a queue that is down.
                Round::Failed => tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = shutdown.cancelled() => {}
                },
            }
        }
    }

    /// Finds the queues. Before that nothing is claimed, since a claim counts as sent.
    async fn find(&self, backoff: &mut Backoff, shutdown: &CancellationToken) {
        while let Err(error) = self.jobs.find().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "tasks wait for their queues"
            );
            tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// What a process that is gone had claimed is sent at once, not only when its lease ends.
    async fn release_abandoned(&self) {
        match self.store.system().release_abandoned(Timestamp::now()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(
                count,
                "tasks that an earlier process may not have sent are sent again"
            ),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "abandoned claims wait for the end of their leases"
            ),
        }
    }

    async fn round(&self, retry_after: Duration) -> Round {
        let claimed = match self
            .store
            .system()
            .claim(CLAIM_MAX, millis(LEASE), Timestamp::now())
            .await
        {
            Ok(claimed) if claimed.is_empty() => return Round::Idle,
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "tasks could not be claimed"
                );
                return Round::Failed;
            }
        };
        self.count_waits(&claimed, Timestamp::now());
        match self.send(claimed, retry_after).await {
            Ok(true) => Round::Sent,
            Ok(false) => Round::Failed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "sent tasks could not be marked: they are sent again when their leases end"
                );
                Round::Failed
            }
        }
    }

    /// How long jobs waited that are handed out for the first time: later dispatches have waits of their own making.
    fn count_waits(&self, claimed: &[Claimed], now: Timestamp) {
        for claim in claimed.iter().filter(|claim| claim.job.dispatch == 1) {
            self.meters.waited(now.since(claim.job.create_time));
        }
    }

    /// Sends what was claimed and records what came of it. False when the queue could not take some now.
    async fn send(&self, claimed: Vec<Claimed>, retry_after: Duration) -> Result<bool, store::Error> {
        let (mut sendings, mut tasks, mut unsendable) = (Vec::new(), Vec::new(), Vec::new());
        for claim in claimed {
            let sending = Sending {
                job: claim.job.id,
                dispatch: claim.job.dispatch,
            };
            match self.task(&claim) {
                Some(task) => {
                    sendings.push(sending);
                    tasks.push(task);
                }
                None => unsendable.push(sending),
            }
        }
        let (mut sent, mut failed, mut last_error) = (Vec::new(), Vec::new(), None);
        for (sending, result) in sendings.into_iter().zip(self.jobs.send(tasks).await) {
            match result {
                Ok(message_id) => sent.push((sending, message_id)),
                // By itself it would hold up all others, for nothing: the loop waits where the queue fails.
                Err(error @ SendError::Refused(_)) => {
                    tracing::error!(job.id = %sending.job, %error, "the queue refuses a task, which waits");
                    unsendable.push(sending);
                }
                Err(error @ SendError::Unavailable(_)) => {
                    failed.push(sending);
                    last_error = Some(error);
                }
            }
        }
        if let Some(error) = last_error {
            tracing::warn!(count = failed.len(), %error, "tasks were not sent and are sent again");
        }
        self.meters.sent(sent.len());
        self.meters.unavailable(failed.len());
        self.meters.refused(unsendable.len());
        let now = Timestamp::now();
        let system = self.store.system();
        // Each is a transaction of the one writer, and two of three have nothing to do where all goes well.
        if !sent.is_empty() {
            system.mark_sent(&sent, now).await?;
        }
        for (sendings, wait) in [(&failed, retry_after), (&unsendable, UNSENDABLE_RETRY)] {
            if !sendings.is_empty() {
                system.release(sendings, now.plus_millis(millis(wait))).await?;
            }
        }
        Ok(failed.is_empty())
    }

    fn task(&self, claim: &Claimed) -> Option<Task> {
        let job = &claim.job;
        let Some(job_type) = self.catalog.get(&job.job_type) else {
            tracing::error!(job.id = %job.id, job.r#type = job.job_type, "the catalog no longer has this job type: its tasks wait");
            return None;
        };
        let token = self.seal.outcome_token(job.id, job.dispatch);
        let parts = TaskParts {
            payload: &claim.payload,
            outcome_token: &token,
            traceparent: &claim.trace.traceparent,
            tracestate: &claim.trace.tracestate,
        };
        let task = Task::new(job, job_type.consumer_type().to_owned(), parts)
            .inspect_err(|error| tracing::error!(job.id = %job.id, %error, "a stored payload is not JSON"))
            .ok()?;
        Some(Task {
            queue: job_type.queue().map(str::to_owned),
            ..task
        })
    }

    /// Waits until a task is due, or may be.
    async fn idle(&self, shutdown: &CancellationToken) {
        let due = self.store.system().next_due().await.ok().flatten();
        let wait = due.map_or(IDLE_MAX, |due| due.since(Timestamp::now()).min(IDLE_MAX));
        tokio::select! {
            () = self.store.signals().due() => {}
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => {}
        }
    }
}
