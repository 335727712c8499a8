//! What the loops may do, across partners.

use super::{Error, Standing, Store};
use crate::job::{DeadLetterPolicy, Job, RetryPolicy, Timestamp};

pub use super::apply::{Report, Verdict};
pub use super::dead_letters::DeadTask;
pub use super::expire::Overdue;
pub use super::outbox::{Claimed, Sending};
pub use super::quarantine::{Judge, Letter, Origin, QuarantineId, Readable, Replayed, Unusable};

/// The verbs of the loops. Each fails only when the database does.
#[derive(Debug, Clone, Copy)]
pub struct Face<'a> {
    store: &'a Store,
}

#[allow(clippy::missing_errors_doc, reason = "said once, on the type")]
impl<'a> Face<'a> {
    pub(super) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Claims at most `count` tasks that are due, for so long; fewer where their payloads are large. Those that are due at once go first,
    /// those that were released after them. A claim once committed counts as a sending for ever.
    pub async fn claim(&self, count: u64, lease_millis: i64, now: Timestamp) -> Result<Vec<Claimed>, Error> {
        self.claim_except(&[], count, lease_millis, now).await
    }

    /// Claims as [`Self::claim`] does, but none of these job types.
    pub async fn claim_except(
        &self,
        held_back: &[&str],
        count: u64,
        lease_millis: i64,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, Error> {
        self.store
            .again(|| self.store.claim(held_back, count, lease_millis, now))
            .await
    }

    /// Marks claimed tasks as sent, each with the queue's message id.
    pub async fn mark_sent(&self, sent: &[(Sending, String)], now: Timestamp) -> Result<(), Error> {
        self.store.again(|| self.store.mark_sent(sent, now)).await
    }

    /// Gives claims back, to be taken again from `due` on.
    pub async fn release(&self, sendings: &[Sending], due: Timestamp) -> Result<(), Error> {
        self.store.again(|| self.store.release(sendings, due)).await
    }

    /// Gives back the claims of a process that is gone. Returns how many.
    pub async fn release_abandoned(&self, now: Timestamp) -> Result<u64, Error> {
        self.store.again(|| self.store.release_abandoned(now)).await
    }

    /// When the next task is due, or a claim may be taken over.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.next_due_except(&[]).await
    }

    /// The same, but for these job types.
    pub async fn next_due_except(&self, held_back: &[&str]) -> Result<Option<Timestamp>, Error> {
        self.store.again(|| self.store.next_due(held_back)).await
    }

    /// Applies outcomes in order in one transaction, and tells what came of each. `retry` says what holds for a failure of a job as it is now.
    pub async fn apply(
        &self,
        reports: &[Report],
        retry: &(dyn Fn(&Job) -> RetryPolicy + Sync),
        now: Timestamp,
    ) -> Result<Vec<Verdict>, Error> {
        self.store.again(|| self.store.apply(reports, retry, now)).await
    }

    /// Ends at most `count` jobs that are overdue, and returns how many.
    pub async fn expire(&self, overdue: Overdue, count: u64, now: Timestamp) -> Result<u64, Error> {
        self.store.again(|| self.store.expire(overdue, count, now)).await
    }

    /// The earliest deadline of a job that has not ended.
    pub async fn next_deadline(&self) -> Result<Option<Timestamp>, Error> {
        self.store.again(|| self.store.next_deadline()).await
    }

    /// What waits, by job type, and what could not be used.
    pub async fn standing(&self, now: Timestamp) -> Result<Standing, Error> {
        self.store.again(|| self.store.standing(now)).await
    }

    /// Deletes at most `count` jobs whose purge time has come, with all that belongs to them, and returns how many.
    pub async fn purge(&self, count: u64, now: Timestamp) -> Result<u64, Error> {
        self.store.again(|| self.store.purge(count, now)).await
    }

    /// Deletes at most `count` messages that were quarantined before then, and returns how many.
    pub async fn prune_quarantine(&self, count: u64, before: Timestamp) -> Result<u64, Error> {
        self.store
            .again(|| self.store.prune_quarantine(count, before))
            .await
    }

    /// Links a task among the dead letters to its job. `policy` says what is to become of a job as it is now.
    pub async fn bury(
        &self,
        task: &DeadTask,
        policy: &(dyn Fn(&Job) -> DeadLetterPolicy + Sync),
        now: Timestamp,
    ) -> Result<Verdict, Error> {
        self.store.again(|| self.store.bury(task, policy, now)).await
    }

    /// Keeps messages that cannot be used, for the operator.
    pub async fn quarantine(&self, messages: &[Unusable], now: Timestamp) -> Result<(), Error> {
        self.store.again(|| self.store.quarantine(messages, now)).await
    }

    /// At most `count` messages of the quarantine that are to be read again, oldest first.
    pub async fn replays(&self, count: u64) -> Result<Vec<QuarantineId>, Error> {
        self.store.again(|| self.store.replays(count)).await
    }

    /// Reads a message of the quarantine again, in the commit in which it leaves, or is given its new reason. None where another server is at
    /// it, or it is not to be any more.
    pub async fn replay(
        &self,
        id: QuarantineId,
        judge: &dyn Judge,
        now: Timestamp,
    ) -> Result<Option<Replayed>, Error> {
        self.store.again(|| self.store.replay(id, judge, now)).await
    }

    /// Leaves a message where it is, and not to be read again, for this reason.
    pub async fn give_up_replay(&self, id: QuarantineId, reason: &str) -> Result<(), Error> {
        self.store.again(|| self.store.give_up_replay(id, reason)).await
    }

    /// Deletes at most `count` actions of operators before then, and returns how many.
    pub async fn prune_actions(&self, count: u64, before: Timestamp) -> Result<u64, Error> {
        self.store.again(|| self.store.prune_actions(count, before)).await
    }
}
