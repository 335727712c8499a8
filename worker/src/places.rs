//! Who may execute now: so many tasks in all, and so many of a job type. Knows nothing of what is executed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// The places of a consumer.
#[derive(Debug)]
pub(crate) struct Places {
    state: Mutex<State>,
    changed: Notify,
    /// In all; and how many may wait for one.
    all: usize,
}

/// The right to execute one task; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    job_type: &'static str,
}

/// A place, now or when there is one.
#[derive(Debug)]
pub(crate) enum Claim {
    Granted(Place),
    Waiting(oneshot::Receiver<Place>),
}

#[derive(Debug)]
struct State {
    free: usize,
    job_types: HashMap<&'static str, JobType>,
    /// Tickets count up, so that those who wait are served in their order.
    ticket: u64,
}

#[derive(Debug)]
struct JobType {
    free: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

impl Places {
    /// So many in all, and of each job type.
    pub(crate) fn new(all: usize, job_types: impl Iterator<Item = (&'static str, usize)>) -> Arc<Self> {
        let job_types = job_types.map(|(job_type, most)| {
            let (free, waiting) = (most.min(all), VecDeque::new());
            (job_type, JobType { free, waiting })
        });
        Arc::new(Self {
            state: Mutex::new(State {
                free: all,
                job_types: job_types.collect(),
                ticket: 0,
            }),
            changed: Notify::new(),
            all,
        })
    }

    /// Waits until there are free places, or rather until tasks may be received: how many at most.
    pub(crate) async fn free(&self) -> usize {
        loop {
            // There is one who waits here, and a change before that is remembered.
            let changed = self.changed.notified();
            let receivable = self.lock().receivable(self.all);
            if receivable > 0 {
                return receivable;
            }
            changed.await;
        }
    }

    /// Takes a place for a task of this job type, which must be one of those given.
    pub(crate) fn claim(self: &Arc<Self>, job_type: &'static str) -> Claim {
        let mut state = self.lock();
        if state.take(job_type) {
            return Claim::Granted(self.place(job_type));
        }
        state.ticket += 1;
        let (sender, receiver) = oneshot::channel();
        let entry = (state.ticket, sender);
        state.of(job_type).waiting.push_back(entry);
        Claim::Waiting(receiver)
    }

    /// Forgets those who no longer wait: others may, instead of them.
    pub(crate) fn forget_gone(&self) {
        for job_type in self.lock().job_types.values_mut() {
            job_type.waiting.retain(|(_, sender)| !sender.is_closed());
        }
        self.changed.notify_one();
    }

    /// Passes a place on to who waits longest of those who can have it.
    fn leave(self: &Arc<Self>, job_type: &'static str) {
        let mut state = self.lock();
        state.free += 1;
        state.of(job_type).free += 1;
        let next = state.next();
        drop(state);
        if let Some((job_type, sender)) = next {
            // When nobody waits there any more, the place is dropped here, and so passed on again.
            drop(sender.send(self.place(job_type)));
        }
        self.changed.notify_one();
    }

    fn place(self: &Arc<Self>, job_type: &'static str) -> Place {
        Place {
            places: Arc::clone(self),
            job_type,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&mut self, job_type: &'static str) -> &mut JobType {
        self.job_types
            .get_mut(job_type)
            .expect("a place is claimed for a known job type")
    }

    fn take(&mut self, job_type: &'static str) -> bool {
        let is_free = self.free > 0 && self.of(job_type).free > 0;
        if is_free {
            self.free -= 1;
            self.of(job_type).free -= 1;
        }
        is_free
    }

    /// Takes a place for who waits longest of those who can have one.
    fn next(&mut self) -> Option<(&'static str, oneshot::Sender<Place>)> {
        if self.free == 0 {
            return None;
        }
        let served = self.job_types.iter().filter(|(_, it)| it.free > 0);
        let waiting = served.filter_map(|(job_type, it)| Some((it.waiting.front()?.0, *job_type)));
        let (_, job_type) = waiting.min()?;
        self.take(job_type);
        let (_, sender) = self.of(job_type).waiting.pop_front()?;
        Some((job_type, sender))
    }

    /// No more than there are free places for, should they be of the right job types, and than may wait, should they not.
    fn receivable(&self, waiting_max: usize) -> usize {
        let of_types = self.job_types.values().map(|it| it.free);
        let free = of_types.fold(0, usize::saturating_add).min(self.free);
        let waiting: usize = self.job_types.values().map(|it| it.waiting.len()).sum();
        free.min(waiting_max.saturating_sub(waiting))
    }
}

impl Claim {
    /// Waits for the place.
    pub(crate) async fn place(self) -> Place {
        match self {
            Self::Granted(place) => place,
            Self::Waiting(receiver) => receiver
                .await
                .expect("who waits is never sent away: the places outlive it"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.job_type);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn places(all: usize) -> Arc<Places> {
        Places::new(all, [("a", 1), ("b", usize::MAX)].into_iter())
    }

    async fn receivable(places: &Places) -> usize {
        timeout(Duration::ZERO, places.free()).await.unwrap_or(0)
    }

    fn granted(claim: Claim) -> Place {
        let Claim::Granted(place) = claim else {
            panic!("it waits")
        };
        place
    }

    #[tokio::test]
    async fn there_are_so_many_in_all_and_so_many_of_a_job_type() {
        let places = places(3);
        assert_eq!(receivable(&places).await, 3);
        let _a = granted(places.claim("a"));
        let waiting = places.claim("a");
        assert!(matches!(waiting, Claim::Waiting(_)));
        assert_eq!(receivable(&places).await, 2, "who waits takes no place");
        let _b = (granted(places.claim("b")), granted(places.claim("b")));
        assert_eq!(receivable(&places).await, 0);
        assert!(matches!(places.claim("b"), Claim::Waiting(_)));
    }

    #[tokio::test]
    async fn a_place_goes_to_who_waits_before_anything_is_received() {
        let places = places(2);
        let (first, other) = (granted(places.claim("a")), granted(places.claim("b")));
        let second = places.claim("a");
        drop(first);
        assert_eq!(receivable(&places).await, 0);
        let _second = second.place().await;
        drop(other);
        assert_eq!(receivable(&places).await, 1);
    }

    #[tokio::test]
    async fn those_who_wait_are_served_in_their_order_if_their_job_type_has_a_place() {
        let places = places(2);
        let (a, b) = (granted(places.claim("a")), granted(places.claim("b")));
        let (waits_for_a, waits_for_b) = (places.claim("a"), places.claim("b"));
        drop(b);
        // The first one waits for its job type, too.
        let b = timeout(Duration::ZERO, waits_for_b.place()).await.unwrap();
        let (next_a, next_b) = (places.claim("a"), places.claim("b"));
        drop(a);
        let a = timeout(Duration::ZERO, waits_for_a.place()).await.unwrap();
        drop(a);
        drop(b);
        let (_a, _b) = (next_a.place().await, next_b.place().await);
        assert_eq!(receivable(&places).await, 0);
    }

    #[tokio::test]
    async fn a_place_of_who_no_longer_waits_goes_to_the_next() {
        let places = places(2);
        let first = granted(places.claim("a"));
        let (gone, patient) = (places.claim("a"), places.claim("a"));
        drop(gone);
        drop(first);
        timeout(Duration::ZERO, patient.place()).await.unwrap();
        assert_eq!(receivable(&places).await, 2);
    }

    #[tokio::test]
    async fn no_more_wait_than_may_execute() {
        let places = places(2);
        let first = granted(places.claim("a"));
        let _second = places.claim("a");
        assert_eq!(receivable(&places).await, 1);
        let _third = places.claim("a");
        assert_eq!(receivable(&places).await, 0);
        drop(first);
        assert_eq!(receivable(&places).await, 1);
    }

    #[tokio::test]
    async fn who_no_longer_waits_lets_another_be_received() {
        let places = places(2);
        let _first = granted(places.claim("a"));
        let (gone, _patient) = (places.claim("a"), places.claim("a"));
        assert_eq!(receivable(&places).await, 0);
        drop(gone);
        places.forget_gone();
        assert_eq!(receivable(&places).await, 1);
    }

    #[tokio::test]
    async fn nothing_is_received_when_no_job_type_has_a_place() {
        let places = Places::new(8, [("a", 1)].into_iter());
        let first = granted(places.claim("a"));
        assert_eq!(receivable(&places).await, 0);
        drop(first);
        assert_eq!(receivable(&places).await, 1);
    }
}
