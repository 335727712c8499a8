//! The queues that could not take a task lately. Each is left alone for a while, longer each time, and then tried with a few.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;

/// Name or URL of a queue; none is the usual one.
pub(super) type Queue = Option<String>;

/// The queues that failed when they were last tried.
#[derive(Default)]
pub(super) struct Troubles(BTreeMap<Queue, Trouble>);

#[derive(Default)]
struct Trouble {
    backoff: Backoff,
    /// It is left alone until then; none while it is tried.
    until: Option<Instant>,
}

impl Troubles {
    /// A queue took all that it was given.
    pub(super) fn over(&mut self, queue: &Queue) {
        self.0.remove(queue);
    }

    /// A queue failed, and is left alone for so long.
    pub(super) fn failed(&mut self, queue: &Queue, now: Instant) -> Duration {
        let trouble = self.0.entry(queue.clone()).or_default();
        let wait = trouble.backoff.next();
        trouble.until = Some(now + wait);
        wait
    }

    /// Lets those be tried that were left alone for long enough. Whether there are any.
    pub(super) fn try_again(&mut self, now: Instant) -> bool {
        let mut any = false;
        for trouble in self.0.values_mut() {
            if trouble.until.is_some_and(|until| until <= now) {
                trouble.until = None;
                any = true;
            }
        }
        any
    }

    /// Whether this queue is left alone.
    pub(super) fn holds(&self, queue: Option<&str>) -> bool {
        let trouble = self.0.get(&queue.map(str::to_owned));
        trouble.is_some_and(|trouble| trouble.until.is_some())
    }

    /// When the next of them is tried again.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.0.values().filter_map(|trouble| trouble.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_fails_is_left_alone_longer_each_time_and_others_are_not() {
        let (mut troubles, slow, start) = (Troubles::default(), Some("slow".to_owned()), Instant::now());
        let mut now = start;
        let mut last = Duration::ZERO;
        for _ in 0..4 {
            let wait = troubles.failed(&slow, now);
            assert!(wait > last / 2, "{wait:?} after {last:?}");
            assert!(troubles.holds(Some("slow")) && !troubles.holds(None));
            assert!(!troubles.try_again(now));
            assert_eq!(troubles.next_try(), Some(now + wait));
            now += wait;
            assert!(troubles.try_again(now));
            assert!(!troubles.holds(Some("slow")));
            // It is tried, once: that is no reason to wait, or to try little for ever.
            assert!(!troubles.try_again(now));
            assert_eq!(troubles.next_try(), None);
            last = wait;
        }
        assert!(now - start > Duration::from_secs(1));
        troubles.over(&slow);
        assert!(troubles.failed(&slow, now) < Duration::from_millis(300));
    }
}
