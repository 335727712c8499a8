//! One round: what is due is claimed, sent, and marked as sent or given back.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Dispatch;
use super::troubles::{Queue, Troubles};
use crate::catalog::JobType;
use crate::job::{Timestamp, millis};
use crate::queue::{SEND_TIMEOUT, SendError, Task, TaskParts};
use crate::store;
use crate::store::system::{Claimed, Sending};

/// Tasks claimed at a time: five requests to SQS, at once.
const CLAIM_MAX: u64 = 50;
/// Tasks claimed at a time when a queue is tried that failed: what is claimed and not sent goes behind what is new, and can no longer be
/// cancelled at once.
const PROBE_MAX: u64 = 10;
/// Longer than a send may take, and the commit that marks it, so that nobody else sends what is still being sent.
const LEASE: Duration = SEND_TIMEOUT.saturating_add(Duration::from_secs(10));
/// A task whose job type is gone, or that the queue refuses, is looked at again after this time.
const UNSENDABLE_RETRY: Duration = Duration::from_mins(1);

/// What one round came to.
pub(super) enum Round {
    /// All that was due was claimed, and sent where its queue took it.
    Sent,
    /// As much was claimed as is at a time: there may be more.
    Full,
    /// Nothing was due.
    Idle,
    /// The database failed.
    Failed,
}

/// What came of the tasks that were claimed.
#[derive(Default)]
struct Sent {
    marks: Vec<(Sending, String)>,
    /// What each queue could not take now.
    queues: BTreeMap<Queue, Vec<Sending>>,
    unsendable: Vec<Sending>,
    /// Why a queue could not take something.
    last_error: Option<SendError>,
}

impl Dispatch {
    /// Claims and sends, but to no queue that is in trouble.
    pub(super) async fn round(&self, troubles: &mut Troubles) -> Round {
        let count = if troubles.try_again(Instant::now()) {
            PROBE_MAX
        } else {
            CLAIM_MAX
        };
        let (system, held_back) = (self.store.system(), self.held_back(troubles));
        let claimed = system.claim_except(&held_back, count, millis(LEASE), Timestamp::now());
        let claimed = match claimed.await {
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
        let is_full = claimed.len() as u64 == count;
        let sent = self.send(claimed).await;
        match self.record(sent, troubles).await {
            Ok(()) if is_full => Round::Full,
            Ok(()) => Round::Sent,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "sent tasks could not be marked: they are sent again when their leases end"
                );
                Round::Failed
            }
        }
    }

    /// The job types whose queues are left alone.
    pub(super) fn held_back(&self, troubles: &Troubles) -> Vec<&str> {
        let job_types = self.catalog.iter();
        let held = job_types.filter(|job_type| troubles.holds(job_type.queue()));
        held.map(JobType::name).collect()
    }

    /// How long jobs waited that are handed out for the first time: later dispatches have waits of their own making.
    fn count_waits(&self, claimed: &[Claimed], now: Timestamp) {
        for claim in claimed.iter().filter(|claim| claim.job.dispatch == 1) {
            self.meters.waited(now.since(claim.job.create_time));
        }
    }

    async fn send(&self, claimed: Vec<Claimed>) -> Sent {
        let (mut sendings, mut tasks, mut outcome) = (Vec::new(), Vec::new(), Sent::default());
        for claim in claimed {
            let sending = Sending {
                job: claim.job.id,
                dispatch: claim.job.dispatch,
            };
            match self.task(&claim) {
                Some(task) => {
                    sendings.push((sending, task.queue.clone()));
                    tasks.push(task);
                }
                None => outcome.unsendable.push(sending),
            }
        }
        for ((sending, queue), result) in sendings.into_iter().zip(self.jobs.send(tasks).await) {
            let failed = outcome.queues.entry(queue).or_default();
            match result {
                Ok(message_id) => outcome.marks.push((sending, message_id)),
                // By itself it would hold up all others, for nothing: the loop waits where a queue fails.
                Err(error @ SendError::Refused(_)) => {
                    tracing::error!(job.id = %sending.job, %error, "the queue refuses a task, which waits");
                    outcome.unsendable.push(sending);
                }
                Err(error @ SendError::Unavailable(_)) => {
                    outcome.last_error = Some(error);
                    failed.push(sending);
                }
            }
        }
        outcome
    }

    /// Marks what was sent and gives back the rest.
    async fn record(&self, sent: Sent, troubles: &mut Troubles) -> Result<(), store::Error> {
        self.tell(&sent);
        let (now, system) = (Timestamp::now(), self.store.system());
        // Each is a transaction of the one writer, and most have nothing to do where all goes well.
        if !sent.marks.is_empty() {
            system.mark_sent(&sent.marks, now).await?;
        }
        if !sent.unsendable.is_empty() {
            let due = now.plus_millis(millis(UNSENDABLE_RETRY));
            system.release(&sent.unsendable, due).await?;
        }
        for (queue, failed) in sent.queues {
            if failed.is_empty() {
                troubles.over(&queue);
                continue;
            }
            let wait = troubles.failed(&queue, Instant::now());
            system.release(&failed, now.plus_millis(millis(wait))).await?;
        }
        Ok(())
    }

    fn tell(&self, sent: &Sent) {
        let failed = sent.queues.values().map(Vec::len).sum();
        if let Some(error) = &sent.last_error {
            tracing::warn!(count = failed, %error, "tasks were not sent and are sent again");
        }
        self.meters.sent(sent.marks.len());
        self.meters.unavailable(failed);
        self.meters.refused(sent.unsendable.len());
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
}
