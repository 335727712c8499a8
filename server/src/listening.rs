//! How well this process has listened to consumers: since when without a break, and how far the outcomes that wait have been dealt with.
//!
//! `collect` tells, `sweep` asks before it calls an execution unknown: what nobody could be told, or what waits in the queue, is not unknown.
//! Knows nothing of jobs and queues, and has no clock.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::job::Timestamp;

/// Whoever looks around less often than this was stopped in between, or its clock has jumped.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// After a break, consumers have so long to be heard again: their retries and heartbeats come more often.
const GRACE: Duration = Duration::from_mins(1);

/// What is known of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Listening(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// When listening began, anew after a break.
    since: Timestamp,
    /// When somebody last looked around.
    awake: Timestamp,
    /// Outcomes that were sent before then have been dealt with, but for what another process holds.
    collected: Option<Timestamp>,
}

impl Listening {
    /// Begins now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            since: now,
            awake: now,
            collected: None,
        })))
    }

    /// Queue or database failed: until now somebody may have spoken to nobody.
    pub fn broken(&self, now: Timestamp) {
        self.lock().since = now;
    }

    /// Outcomes that were sent before then have been dealt with.
    pub fn collected(&self, sent: Timestamp) {
        let mut state = self.lock();
        state.collected = state.collected.max(Some(sent));
    }

    /// Looks around, as must be done every few seconds. Otherwise, and when the clock was set back, listening begins anew.
    pub fn look(&self, now: Timestamp) -> Heard {
        let mut state = self.lock();
        if now < state.awake || now.since(state.awake) > SILENCE_MAX {
            state.since = now;
            state.collected = None;
        }
        state.awake = now;
        let has_grace = now.since(state.since) < GRACE;
        Heard {
            newcomers: has_grace.then_some(state.since),
            collected: state.collected,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Of whom it can be said that they would have been heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Of those alone that came at this time or later; of all, when there is none.
    pub newcomers: Option<Timestamp>,
    /// Outcomes that were sent before then have been dealt with, but for what another process holds.
    pub collected: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn at(seconds: i64) -> Timestamp {
        START.plus_millis(seconds * 1000)
    }

    /// Looks around every second, as the sweep does.
    fn look_until(listening: &Listening, seconds: std::ops::RangeInclusive<i64>) -> Option<Timestamp> {
        let mut newcomers = None;
        for second in seconds {
            newcomers = listening.look(at(second)).newcomers;
        }
        newcomers
    }

    #[test]
    fn for_a_minute_only_newcomers_would_have_been_heard() {
        let listening = Listening::new(START);
        assert_eq!(look_until(&listening, 0..=59), Some(START));
        assert_eq!(look_until(&listening, 60..=60), None);
    }

    #[test]
    fn a_failure_begins_the_minute_anew() {
        let listening = Listening::new(START);
        look_until(&listening, 0..=100);
        listening.broken(at(100));
        assert_eq!(look_until(&listening, 101..=159), Some(at(100)));
        assert_eq!(look_until(&listening, 160..=160), None);
    }

    #[test]
    fn a_process_that_was_stopped_or_whose_clock_jumped_forward_begins_anew() {
        let listening = Listening::new(START);
        look_until(&listening, 0..=100);
        assert_eq!(listening.look(at(700)).newcomers, Some(at(700)));
        assert_eq!(look_until(&listening, 701..=760), None);
    }

    #[test]
    fn a_clock_that_was_set_back_forgets_what_it_had_collected() {
        let listening = Listening::new(START);
        look_until(&listening, 0..=100);
        listening.collected(at(100));
        assert_eq!(
            listening.look(at(-500)),
            Heard {
                newcomers: Some(at(-500)),
                collected: None
            }
        );
        assert_eq!(look_until(&listening, -499..=-440), None);
    }

    #[test]
    fn what_was_collected_never_falls() {
        let listening = Listening::new(START);
        assert_eq!(listening.look(START).collected, None);
        for second in [3, 2] {
            listening.collected(at(second));
            assert_eq!(listening.look(START).collected, Some(at(3)));
        }
    }
}
