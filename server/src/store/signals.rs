//! What is told after a commit: which jobs of which partners changed, and that a task is due. Ids only: a signal that is lost costs time,
//! not truth.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::job::{JobId, PartnerId};

/// What is told of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A job of a partner has changed, or is new.
    Of(PartnerId, JobId),
    /// Any may have: what changed elsewhere was not heard for a while.
    Any,
}

/// Changes that a receiver may lag behind before it is told that it missed some.
const CHANGES_MAX: usize = 4096;

/// The signals of one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signals {
    changes: broadcast::Sender<Change>,
    /// Those that this process made: its own to tell to others.
    ours: broadcast::Sender<(PartnerId, JobId)>,
    due: Arc<Notify>,
    replays: Arc<Notify>,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self {
            changes: broadcast::channel(CHANGES_MAX).0,
            ours: broadcast::channel(CHANGES_MAX).0,
            due: Arc::new(Notify::new()),
            replays: Arc::new(Notify::new()),
        }
    }

    /// The jobs that change from now on, here or elsewhere.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// The jobs that this process changes from now on.
    pub(super) fn ours(&self) -> broadcast::Receiver<(PartnerId, JobId)> {
        self.ours.subscribe()
    }

    /// Returns once a task may have become due since the last return.
    pub async fn due(&self) {
        self.due.notified().await;
    }

    /// Returns once a message may have been marked to be read again since the last return.
    pub async fn replays(&self) {
        self.replays.notified().await;
    }

    pub(super) fn tell_changed(&self, jobs: impl IntoIterator<Item = (PartnerId, JobId)>) {
        for (partner, job) in jobs {
            // Nobody listening is fine.
            let _ = self.ours.send((partner.clone(), job));
            let _ = self.changes.send(Change::Of(partner, job));
        }
    }

    /// Passes on what another process made.
    pub(super) fn heard(&self, change: Change) {
        let _ = self.changes.send(change);
    }

    pub(super) fn tell_due(&self) {
        self.due.notify_one();
    }

    pub(super) fn tell_replay(&self) {
        self.replays.notify_one();
    }
}
