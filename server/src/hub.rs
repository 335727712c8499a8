//! Wakes those who watch a job, or all jobs of a partner, when they change.
//!
//! Told by the store after its commits. Carries no data: a watcher subscribes, reads, and reads again when it is woken, so a signal that is
//! lost costs time, not truth.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::job::{JobId, PartnerId};
use crate::store::Change;

/// Where all are to be woken, so many are at a time: each reads, and a hundred thousand at once would find no connection to the database.
const WOKEN_AT_ONCE: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// Where watchers subscribe. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    watched: Arc<Mutex<HashMap<Watched, watch::Sender<()>>>>,
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Watched {
    Job(JobId),
    AllOf(PartnerId),
}

/// A watcher's place. It has missed nothing since it was made.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    watched: Watched,
    changes: watch::Receiver<()>,
}

impl Hub {
    /// Subscribes to a job. Do so before reading it.
    #[must_use]
    pub fn subscribe(&self, job: JobId) -> Subscription {
        self.subscribe_to(Watched::Job(job))
    }

    /// Subscribes to all jobs of a partner, those to come among them. Do so before reading them.
    #[must_use]
    pub fn subscribe_all(&self, partner: &PartnerId) -> Subscription {
        self.subscribe_to(Watched::AllOf(partner.clone()))
    }

    fn subscribe_to(&self, watched: Watched) -> Subscription {
        let changes = self
            .lock()
            .entry(watched.clone())
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        Subscription {
            hub: self.clone(),
            watched,
            changes,
        }
    }

    /// Passes the store's signals on until it is told to stop.
    pub async fn run(self, mut changes: broadcast::Receiver<Change>, shutdown: CancellationToken) {
        let (mut asleep, mut missed_some, mut next_turn) = (Vec::new(), false, Instant::now());
        loop {
            // Not before all of the last time are awake: begun anew each time, it might never come to the last of them.
            if missed_some && asleep.is_empty() {
                asleep = self.all();
                missed_some = false;
            }
            let change = tokio::select! {
                change = changes.recv() => change,
                () = sleep_until(next_turn), if !asleep.is_empty() => {
                    self.wake(asleep.drain(asleep.len().saturating_sub(WOKEN_AT_ONCE)..));
                    next_turn = Instant::now() + PAUSE;
                    continue;
                }
                () = shutdown.cancelled() => return,
            };
            match change {
                Ok(Change::Of(partner, job)) => self.wake([Watched::Job(job), Watched::AllOf(partner)]),
                Ok(Change::Any) => missed_some = true,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "change signals were missed, all watchers are woken");
                    missed_some = true;
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// How many jobs and partners somebody watches.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.lock().len()
    }

    fn wake(&self, changed: impl IntoIterator<Item = Watched>) {
        let all = self.lock();
        for watched in changed {
            if let Some(watchers) = all.get(&watched) {
                watchers.send_replace(());
            }
        }
    }

    fn all(&self) -> Vec<Watched> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Watched, watch::Sender<()>>> {
        self.watched
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Subscription {
    /// Returns once what is watched may have changed since the subscription was made, or since this last returned.
    pub async fn changed(&mut self) {
        // The sender lives in the hub as long as this does.
        let _ = self.changes.changed().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut watched = self.hub.lock();
        // This receiver still counts.
        if watched
            .get(&self.watched)
            .is_some_and(|watchers| watchers.receiver_count() <= 1)
        {
            watched.remove(&self.watched);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner() -> PartnerId {
        PartnerId::new("acme")
    }

    fn changed(job: JobId) -> [Watched; 2] {
        [Watched::Job(job), Watched::AllOf(partner())]
    }

    #[tokio::test]
    async fn a_change_between_subscribing_and_waiting_is_not_missed() {
        let (hub, job) = (Hub::default(), JobId::new(1));
        let (mut one, mut all) = (hub.subscribe(job), hub.subscribe_all(&partner()));
        hub.wake(changed(job));
        one.changed().await;
        all.changed().await;
    }

    #[tokio::test]
    async fn only_the_watchers_of_the_job_and_of_its_partner_wake() {
        let (hub, job, other) = (Hub::default(), JobId::new(1), JobId::new(2));
        let (mut first, mut second) = (hub.subscribe(job), hub.subscribe(job));
        let mut all = hub.subscribe_all(&partner());
        let elsewhere = [hub.subscribe(other), hub.subscribe_all(&PartnerId::new("globex"))];
        hub.wake(changed(job));
        first.changed().await;
        second.changed().await;
        all.changed().await;
        for subscription in elsewhere {
            assert!(!subscription.changes.has_changed().unwrap());
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_of_watchers_that_have_gone() {
        let (hub, job) = (Hub::default(), JobId::new(1));
        let (first, second) = (hub.subscribe(job), hub.subscribe(job));
        let all = hub.subscribe_all(&partner());
        drop(first);
        assert_eq!(hub.lock().len(), 2);
        drop((second, all));
        assert!(hub.lock().is_empty());
    }

    #[tokio::test]
    async fn watchers_wake_when_signals_were_missed() {
        let hub = Hub::default();
        let (sender, receiver) = broadcast::channel(1);
        let mut one = hub.subscribe(JobId::new(1));
        let mut all = hub.subscribe_all(&PartnerId::new("globex"));
        for millis in 2..5 {
            sender.send(Change::Of(partner(), JobId::new(millis))).unwrap();
        }
        let running = tokio::spawn(hub.clone().run(receiver, CancellationToken::new()));
        one.changed().await;
        all.changed().await;
        drop(sender);
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn all_watchers_wake_a_few_at_a_time_and_changes_meanwhile_at_once() {
        let hub = Hub::default();
        let (sender, receiver) = broadcast::channel(8);
        let mut subscriptions: Vec<_> = (0..1001)
            .map(|millis| hub.subscribe(JobId::new(millis)))
            .collect();
        let woken = |subscriptions: &[Subscription]| {
            let is_woken = |subscription: &&Subscription| subscription.changes.has_changed().unwrap();
            subscriptions.iter().filter(is_woken).count()
        };
        let running = tokio::spawn(hub.clone().run(receiver, CancellationToken::new()));
        sender.send(Change::Any).unwrap();
        for expected in [200, 400, 600] {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(woken(&subscriptions), expected);
            tokio::time::sleep(PAUSE - Duration::from_millis(1)).await;
        }
        let still_asleep = subscriptions
            .iter()
            .position(|subscription| !subscription.changes.has_changed().unwrap());
        let mut changed = subscriptions.swap_remove(still_asleep.unwrap());
        let Watched::Job(job) = changed.watched.clone() else {
            panic!("it watches a job")
        };
        let began = Instant::now();
        sender.send(Change::Of(partner(), job)).unwrap();
        changed.changed().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        tokio::time::sleep(10 * PAUSE).await;
        assert_eq!(woken(&subscriptions), 1000);
        drop(sender);
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn all_watchers_wake_however_often_signals_are_missed() {
        let hub = Hub::default();
        let (sender, receiver) = broadcast::channel(8);
        let mut subscriptions: Vec<_> = (0..1001)
            .map(|millis| hub.subscribe(JobId::new(millis)))
            .collect();
        let running = tokio::spawn(hub.clone().run(receiver, CancellationToken::new()));
        for _ in 0..8 {
            sender.send(Change::Any).unwrap();
            tokio::time::sleep(PAUSE).await;
        }
        for subscription in &mut subscriptions {
            assert!(subscription.changes.has_changed().unwrap());
        }
        drop(sender);
        running.await.unwrap();
    }
}
