//! Wakes those who watch a job when it changes.
//!
//! Told by the store after its commits. Carries no data: a watcher subscribes, reads the job, and reads it again when it is woken, so a
//! signal that is lost costs time, not truth.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::job::JobId;

/// Where watchers subscribe. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    watched: Arc<Mutex<HashMap<JobId, watch::Sender<()>>>>,
}

/// A watcher's place. It has missed nothing since it was made.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    job: JobId,
    changes: watch::Receiver<()>,
}

impl Hub {
    /// Subscribes to a job. Do so before reading it.
    #[must_use]
    pub fn subscribe(&self, job: JobId) -> Subscription {
        let changes = self
            .lock()
            .entry(job)
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        Subscription {
            hub: self.clone(),
            job,
            changes,
        }
    }

    /// Passes the store's signals on until it is told to stop.
    pub async fn run(self, mut changes: broadcast::Receiver<JobId>, shutdown: CancellationToken) {
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = shutdown.cancelled() => return,
            };
            match change {
                Ok(job) => self.wake(job),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "change signals were missed, all watchers are woken");
                    self.wake_all();
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn wake(&self, job: JobId) {
        if let Some(watchers) = self.lock().get(&job) {
            watchers.send_replace(());
        }
    }

    fn wake_all(&self) {
        for watchers in self.lock().values() {
            watchers.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, watch::Sender<()>>> {
        self.watched
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Subscription {
    /// Returns once the job may have changed since the subscription was made, or since this last returned.
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
            .get(&self.job)
            .is_some_and(|watchers| watchers.receiver_count() <= 1)
        {
            watched.remove(&self.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_between_subscribing_and_waiting_is_not_missed() {
        let (hub, job) = (Hub::default(), JobId::new(1));
        let mut subscription = hub.subscribe(job);
        hub.wake(job);
        subscription.changed().await;
    }

    #[tokio::test]
    async fn only_the_watchers_of_the_job_wake() {
        let (hub, job, other) = (Hub::default(), JobId::new(1), JobId::new(2));
        let (mut first, mut second, elsewhere) =
            (hub.subscribe(job), hub.subscribe(job), hub.subscribe(other));
        hub.wake(job);
        first.changed().await;
        second.changed().await;
        assert!(!elsewhere.changes.has_changed().unwrap());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_watchers_that_have_gone() {
        let (hub, job) = (Hub::default(), JobId::new(1));
        let (first, second) = (hub.subscribe(job), hub.subscribe(job));
        drop(first);
        assert_eq!(hub.lock().len(), 1);
        drop(second);
        assert!(hub.lock().is_empty());
    }

    #[tokio::test]
    async fn watchers_wake_when_signals_were_missed() {
        let hub = Hub::default();
        let (sender, receiver) = broadcast::channel(1);
        let mut subscription = hub.subscribe(JobId::new(1));
        for millis in 2..5 {
            sender.send(JobId::new(millis)).unwrap();
        }
        let running = tokio::spawn(hub.clone().run(receiver, CancellationToken::new()));
        subscription.changed().await;
        drop(sender);
        running.await.unwrap();
    }
}
