//! The queues of tasks: each task goes to its own, in batches, and of every task it is told what came of it.

mod batch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;

use super::place::{Found, Place};
use super::{Error, Task};

/// With all its attempts, a send is over by then. Claims of tasks are leased for longer, so that nobody else sends what may still be on its way; and
/// what a server had claimed that is gone is sent by another no sooner.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// A queue that could not be found before gets so much of it.
const FIND_TIMEOUT: Duration = Duration::from_secs(4);

/// How large a message may be in a queue that does not tell, or not yet: what every queue took before there were larger ones. A batch may be as
/// large, whatever its queue says of single messages.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// The queues of tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// Where tasks go that name no queue.
    usual: Arc<str>,
    /// By the names or URLs that they were given.
    places: Arc<BTreeMap<String, Place>>,
}

/// Why a task was not sent, or perhaps it was: sending it again is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// The queue could not be reached, or could not take it: the same may go well later.
    #[error("{0}")]
    Unavailable(String),
    /// The queue refused this task for what it is, while it may take others.
    #[error("refused: {0}")]
    Refused(String),
}

impl Jobs {
    pub(super) fn new(usual: &str, places: Vec<Place>) -> Self {
        let named = places.into_iter().map(|place| (place.name().to_owned(), place));
        Self {
            usual: usual.into(),
            places: Arc::new(named.collect()),
        }
    }

    /// Returns once one of the queues is found. Another is looked for again when something is to be sent there, and holds up what goes
    /// there alone.
    ///
    /// # Errors
    /// When none is found: that SQS does not answer, if waiting may help one of them.
    pub async fn find(&self) -> Result<(), Error> {
        let mut all: FuturesUnordered<_> = self.places.values().map(Place::found).collect();
        let mut failure = Ok(());
        while let Some(found) = all.next().await {
            match found {
                Ok(_) => return Ok(()),
                Err(error) if failure.is_ok() || error.may_pass() => failure = Err(error),
                Err(_) => {}
            }
        }
        failure
    }

    /// How many bytes of JSON a payload may have that goes to the queue of this name, or to the usual one: the rest of a message is for what
    /// goes with it.
    #[must_use]
    pub fn payload_bytes_max(&self, queue: Option<&str>) -> usize {
        message_bytes_max(self.place(queue).and_then(Place::known)) / 4 * 3
    }

    /// Sends tasks in as few requests as fit, all at once: never more than there are tasks. The message id of each, or why it has none, in the
    /// same order.
    pub async fn send(&self, tasks: Vec<Task>) -> Vec<Result<String, SendError>> {
        self.find_for(&tasks).await;
        let unknown = SendError::Unavailable("its queue could not be found".to_owned());
        let mut results = vec![Err(unknown); tasks.len()];
        let sent = self.batches(tasks).into_iter().map(async |(place, batch)| {
            let (indices, tasks): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            (indices, batch::send(place, tasks).await)
        });
        for (indices, sent) in join_all(sent).await {
            for (index, result) in indices.into_iter().zip(sent) {
                results[index] = result;
            }
        }
        results
    }

    /// Looks once more for queues that were not found before.
    async fn find_for(&self, tasks: &[Task]) {
        let queues: BTreeSet<_> = tasks.iter().map(|task| task.queue.as_deref()).collect();
        let places = queues.into_iter().filter_map(|queue| self.place(queue));
        let found = places.map(async |place| {
            if let Ok(Err(error)) = timeout(FIND_TIMEOUT, place.found()).await {
                let queue = place.name();
                tracing::warn!(
                    queue,
                    error = &error as &dyn std::error::Error,
                    "a queue of tasks cannot be used"
                );
            }
        });
        join_all(found).await;
    }

    /// What goes to a queue in one request each, with the indices of the tasks. Two names of one queue are one.
    fn batches(&self, tasks: Vec<Task>) -> Vec<(&Place, Vec<(usize, Task)>)> {
        let mut queues: BTreeMap<&str, (&Place, &Found, Vec<_>)> = BTreeMap::new();
        for (index, task) in tasks.into_iter().enumerate() {
            let place = self.place(task.queue.as_deref());
            let Some((place, found)) = place.and_then(|place| Some((place, place.known()?))) else {
                continue;
            };
            let (_, _, tasks) = queues
                .entry(found.identity())
                .or_insert((place, found, Vec::new()));
            tasks.push((index, task));
        }
        let cut = |(place, found, tasks)| {
            let bytes_max = message_bytes_max(Some(found)).max(MESSAGE_BYTES_MAX);
            let batches = batch::cut(tasks, bytes_max).into_iter();
            batches.map(move |batch| (place, batch))
        };
        queues.into_values().flat_map(cut).collect()
    }

    fn place(&self, queue: Option<&str>) -> Option<&Place> {
        self.places.get(queue.unwrap_or(&self.usual))
    }
}

fn message_bytes_max(found: Option<&Found>) -> usize {
    found
        .and_then(|found| found.message_bytes_max)
        .unwrap_or(MESSAGE_BYTES_MAX)
}
