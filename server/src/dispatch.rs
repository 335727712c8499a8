//! Sends what was committed and not yet sent, each task to the queue of its job type: store to queue.
//!
//! A task is claimed in a commit, sent, and marked in another. A crash in between leaves a claim whose lease ends, and the same task of the
//! same dispatch is sent again: consumers see it twice at worst, never not at all. Knows nothing of outcomes.

mod round;
mod troubles;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::catalog::Catalog;
use crate::job::Timestamp;
use crate::linger;
use crate::meters::Dispatched;
use crate::queue::Jobs;
use crate::seal::Seal;
use crate::store::Store;
use round::Round;
use troubles::Troubles;

/// Looks for due tasks at least this often, whatever signals were lost.
const IDLE_MAX: Duration = Duration::from_secs(5);

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

impl Dispatch {
    /// Sends tasks until it is told to stop; what is being sent then is finished first.
    pub async fn run(self, shutdown: CancellationToken) {
        self.release_abandoned().await;
        self.find(&shutdown).await;
        let (mut troubles, mut backoff, mut waited) = (Troubles::default(), Backoff::default(), IDLE_MAX);
        while !shutdown.is_cancelled() {
            let round = self.round(&mut troubles).await;
            if !matches!(round, Round::Failed) {
                backoff.reset();
            }
            match round {
                Round::Full => waited = Duration::ZERO,
                Round::Sent => {
                    pause(linger::after(waited), &shutdown).await;
                    waited = Duration::ZERO;
                }
                Round::Idle => {
                    let began = Instant::now();
                    self.idle(&troubles, &shutdown).await;
                    waited = began.elapsed();
                }
                Round::Failed => pause(backoff.next(), &shutdown).await,
            }
        }
    }

    /// Finds a queue. Before that nothing is claimed, since a claim counts as sent.
    async fn find(&self, shutdown: &CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let found = tokio::select! {
                found = self.jobs.find() => found,
                () = shutdown.cancelled() => return,
            };
            let Err(error) = found else { return };
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "tasks wait for their queues"
            );
            if !error.may_pass() {
                return;
            }
            pause(backoff.next(), shutdown).await;
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

    /// Waits until a task is due, or may be, or a queue is to be tried again.
    async fn idle(&self, troubles: &Troubles, shutdown: &CancellationToken) {
        let held_back = self.held_back(troubles);
        let due = self.store.system().next_due_except(&held_back).await;
        let due = due.ok().flatten().map(|due| due.since(Timestamp::now()));
        let next_try = troubles.next_try();
        let next_try = next_try.map(|time| time.saturating_duration_since(Instant::now()));
        let wait = due.into_iter().chain(next_try).fold(IDLE_MAX, Duration::min);
        tokio::select! {
            () = self.store.signals().due() => {}
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Waits, unless it is told to stop.
async fn pause(wait: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = shutdown.cancelled() => {}
    }
}
