//! What is told after a commit: which jobs of which partners changed, and that a task is due. Ids only: a signal that is lost costs time,
//! not truth.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::job::{JobId, PartnerId};

/// Changes that a receiver may lag behind before it is told that it missed some.
const CHANGES_MAX: usize = 4096;

/// The signals of one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signals {
    changes: broadcast::Sender<(PartnerId, JobId)>,
    due: Arc<Notify>,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self {
            changes: broadcast::channel(CHANGES_MAX).0,
            due: Arc::new(Notify::new()),
        }
    }

    /// The jobs that change from now on, new ones among them, each with its partner.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<(PartnerId, JobId)> {
        self.changes.subscribe()
    }

    /// Returns once a task may have become due since the last return.
    pub async fn due(&self) {
        self.due.notified().await;
    }

    pub(super) fn tell_changed(&self, jobs: impl IntoIterator<Item = (PartnerId, JobId)>) {
        for job in jobs {
            // Nobody listening is fine.
            let _ = self.changes.send(job);
        }
    }

    pub(super) fn tell_due(&self) {
        self.due.notify_one();
    }
}
