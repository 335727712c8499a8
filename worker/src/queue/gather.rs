//! Gathers what is asked for at about the same time into requests of up to ten entries. Knows nothing of what is asked for.
//!
//! Nobody waits for company: with no request under way, what there is goes out at once. While one is, entries gather until they fill another, until
//! it ends, or for [`GATHER_MAX`], whichever comes first. So an idle consumer has no delay, and a busy one has few requests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Failed;

/// SQS takes no more entries in a request.
const ENTRIES_MAX: usize = 10;
/// However slow the request under way is.
const GATHER_MAX: Duration = Duration::from_millis(20);
/// At a time; enough that a few that hang do not stop the others.
const REQUESTS_MAX: usize = 16;
/// What has not been taken over yet; whoever asks for more waits.
const INBOX_ENTRIES: usize = 64;

/// What can be asked for in batches.
pub(super) trait Batch: Send + Sync + 'static {
    type Entry: Send + 'static;

    /// Asks for it: the failure of each entry that failed, by its place; or that of all.
    fn send(
        &self,
        entries: Vec<Self::Entry>,
    ) -> impl Future<Output = Result<Vec<(usize, Failed)>, Failed>> + Send;
}

/// Where entries are handed in. Clones are one and the same.
#[derive(Debug)]
pub(super) struct Desk<E>(mpsc::Sender<Wanted<E>>);

/// The loop behind a desk.
#[derive(Debug)]
pub(super) struct Gatherer<B: Batch> {
    batch: Arc<B>,
    bytes_max: usize,
    inbox: mpsc::Receiver<Wanted<B::Entry>>,
    waiting: VecDeque<Wanted<B::Entry>>,
    requests: JoinSet<()>,
}

/// An entry, and who waits for its answer.
#[derive(Debug)]
struct Wanted<E> {
    entry: E,
    bytes: usize,
    since: Instant,
    answer: oneshot::Sender<Result<(), Failed>>,
}

/// A desk, and the loop that it needs, for requests of so many bytes.
pub(super) fn gather<B: Batch>(batch: B, bytes_max: usize) -> (Desk<B::Entry>, Gatherer<B>) {
    let (sender, inbox) = mpsc::channel(INBOX_ENTRIES);
    let gatherer = Gatherer {
        batch: Arc::new(batch),
        bytes_max,
        inbox,
        waiting: VecDeque::new(),
        requests: JoinSet::new(),
    };
    (Desk(sender), gatherer)
}

impl<E> Desk<E> {
    /// Asks for it, as so many bytes of a request (with more than one takes it goes alone), and waits for the answer. Whoever stops waiting before the request is sent has not asked.
    pub(super) async fn ask(&self, entry: E, bytes: usize) -> Result<(), Failed> {
        let (answer, answered) = oneshot::channel();
        let wanted = Wanted {
            entry,
            bytes,
            since: Instant::now(),
            answer,
        };
        if self.0.send(wanted).await.is_err() {
            return Err(Failed::closed());
        }
        answered.await.unwrap_or_else(|_closed| Err(Failed::closed()))
    }
}

impl<E> Clone for Desk<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: Batch> Gatherer<B> {
    /// Sends requests for as long as it is awaited.
    pub(super) async fn run(mut self) -> Infallible {
        let mut arrived = Vec::with_capacity(INBOX_ENTRIES);
        loop {
            let has_room = self.waiting.len() < INBOX_ENTRIES;
            let overdue = self.overdue();
            tokio::select! {
                count = self.inbox.recv_many(&mut arrived, INBOX_ENTRIES), if has_room => {
                    if count == 0 {
                        return pending().await;
                    }
                    self.waiting.extend(arrived.drain(..));
                }
                Some(_) = self.requests.join_next(), if !self.requests.is_empty() => {}
                () = at(overdue) => {}
            }
            self.send_what_is_due();
        }
    }

    /// When the first entry has waited for long enough; never without one, or when there are too many requests.
    fn overdue(&self) -> Option<Instant> {
        let first = self.waiting.front()?;
        (self.requests.len() < REQUESTS_MAX).then_some(first.since + GATHER_MAX)
    }

    fn send_what_is_due(&mut self) {
        self.waiting.retain(|wanted| !wanted.answer.is_closed());
        while self.requests.len() < REQUESTS_MAX && self.is_due() {
            let entries = self.waiting.drain(..self.fitting()).collect();
            self.requests.spawn(request(Arc::clone(&self.batch), entries));
        }
    }

    fn is_due(&self) -> bool {
        let Some(first) = self.waiting.front() else {
            return false;
        };
        let is_full = self.waiting.len() >= ENTRIES_MAX || self.fitting() < self.waiting.len();
        is_full || self.requests.is_empty() || first.since.elapsed() >= GATHER_MAX
    }

    /// How many of those who wait go into one request; one at least.
    fn fitting(&self) -> usize {
        let mut bytes = 0;
        let fits = |wanted: &&Wanted<B::Entry>| {
            bytes = wanted.bytes.saturating_add(bytes);
            bytes <= self.bytes_max
        };
        let fitting = self.waiting.iter().take(ENTRIES_MAX).take_while(fits).count();
        fitting.max(1)
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

async fn request<B: Batch>(batch: Arc<B>, wanted: Vec<Wanted<B::Entry>>) {
    let (entries, mut answers): (Vec<_>, Vec<_>) = wanted.into_iter().map(|it| (it.entry, it.answer)).unzip();
    let mut results: Vec<_> = answers.iter().map(|_| Ok(())).collect();
    let answered = tokio::select! {
        answered = batch.send(entries) => answered,
        // One that hangs would hold up what is asked for instead: there are only so many at a time.
        () = given_up(&mut answers) => return,
    };
    match answered {
        Ok(failures) => {
            for (place, failure) in failures {
                if let Some(result) = results.get_mut(place) {
                    *result = Err(failure);
                }
            }
        }
        Err(failed) => results.fill(Err(failed)),
    }
    for (answer, result) in answers.into_iter().zip(results) {
        // Who no longer waits does not need to know.
        drop(answer.send(result));
    }
}

/// Returns when nobody waits any more.
async fn given_up<T>(answers: &mut [oneshot::Sender<T>]) {
    for answer in answers {
        answer.closed().await;
    }
}

#[cfg(test)]
mod tests;
