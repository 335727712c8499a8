//! Where long polls wait for a queue to change.
//!
//! The receivers of a queue stand in a line. Only its head asks the store; it waits for a signal, or for the moment at
//! which the next message becomes visible. One message thus wakes one receiver, however many wait. Signals carry no
//! data: whoever is woken asks the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::queue::QueueId;

/// The lines of all queues. Those without receivers are dropped at the next change of their queue.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<HashMap<QueueId, Arc<Line>>>);

/// The receivers that wait for one queue.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Held by the head of the line; fair, so it passes on in the order of arrival.
    pub(crate) head: AsyncMutex<()>,
    /// The queue may have a message now, or may be gone. Register before reading the store.
    pub(crate) changed: Notify,
}

impl Lines {
    pub(crate) fn of(&self, queue: QueueId) -> Arc<Line> {
        Arc::clone(self.lock().entry(queue).or_default())
    }

    /// To be called after the commit that changed the queues.
    pub(crate) fn wake(&self, changed: impl IntoIterator<Item = QueueId>) {
        let mut lines = self.lock();
        for queue in changed {
            let Some(line) = lines.get(&queue) else { continue };
            line.changed.notify_waiters();
            if Arc::strong_count(line) == 1 {
                lines.remove(&queue);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<QueueId, Arc<Line>>> {
        // The map is valid after any panic: no step leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
