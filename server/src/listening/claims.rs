//! What receives told, one after the other: that whatever was sent before some time has been received, as far as it could be seen.
//!
//! One of them alone can be wrong: a message that somebody else has received hides until its visibility timeout ends, be it a process that
//! died, a reply that was lost, or another receiver whose reply is still on its way. But while it waited it was first in its place, and it is
//! again afterwards, so that some receive within that time must have told of it. What all of them say holds.

use std::collections::VecDeque;
use std::time::Duration;

use crate::job::Timestamp;

/// What is told within one of these counts as told at once.
const GRAIN_MILLIS: i64 = 1_000;
/// Kept for so long at least: for the timeout that queues have by default, and for longer once somebody has asked for more.
const WINDOW_MIN: Duration = Duration::from_mins(10);
/// The longest visibility timeout is 12 hours.
const WINDOW_MAX: Duration = Duration::from_hours(13);

/// The claims of the last while.
#[derive(Debug)]
pub(super) struct Claims {
    /// Of what was told before, nothing is known.
    since: Timestamp,
    window: Duration,
    /// The least of each grain, the oldest grain first.
    kept: VecDeque<(i64, Timestamp)>,
}

impl Claims {
    pub(super) const fn new(since: Timestamp) -> Self {
        Self {
            since,
            window: WINDOW_MIN,
            kept: VecDeque::new(),
        }
    }

    /// It was told that whatever was sent before then has been received.
    pub(super) fn add(&mut self, sent: Timestamp, now: Timestamp) {
        let grain = grain(now);
        match self.kept.back_mut() {
            // A clock that was set back a little tells nothing new.
            Some((last, least)) if grain <= *last => *least = sent.min(*least),
            _ => self.kept.push_back((grain, sent)),
        }
        let oldest = now.minus(self.window);
        while self
            .kept
            .front()
            .is_some_and(|(first, _)| *first < self::grain(oldest))
        {
            self.kept.pop_front();
            self.since = self.since.max(oldest);
        }
    }

    /// The least that was told within this time; none where it was not listened to for so long.
    pub(super) fn least(&mut self, window: Duration, now: Timestamp) -> Option<Timestamp> {
        self.window = self.window.max(window).min(WINDOW_MAX);
        let oldest = now.minus(window);
        if self.since > oldest {
            return None;
        }
        let within = self.kept.iter().filter(|(told, _)| *told >= grain(oldest));
        within.map(|(_, least)| *least).min()
    }
}

fn grain(time: Timestamp) -> i64 {
    time.millis().div_euclid(GRAIN_MILLIS)
}
