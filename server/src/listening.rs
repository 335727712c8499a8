//! How well this process has listened to consumers: since when without a break, and how far the outcomes that wait have been dealt with.
//!
//! `collect` tells, `sweep` asks before it calls an execution unknown: what nobody could be told, or what waits in the queue, is not unknown.
//! Knows nothing of jobs and queues, and has no clock.

mod claims;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::job::Timestamp;
use claims::Claims;

/// A receive that finds nothing takes 20 s, a look at deadlines far less. What takes longer has failed, or was stopped, or the clock has jumped.
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
    /// When outcomes were last collected, if only to find none.
    heard: Timestamp,
    /// When deadlines were last looked at.
    looked: Timestamp,
    collected: Claims,
}

/// Of whom it can be said that they would have been heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Of those alone that came at this time or later; of all, when there is none.
    pub newcomers: Option<Timestamp>,
}

impl Listening {
    /// Begins now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State::new(now))))
    }

    /// What was received is dealt with, and so is what was sent before, as far as this receive can tell; where it cannot, none.
    pub fn collected(&self, sent: Option<Timestamp>, now: Timestamp) {
        let mut state = self.lock();
        state.heard = now;
        state
            .collected
            .add(sent.unwrap_or(Timestamp::from_millis(0)), now);
    }

    /// Whatever was sent before then has been dealt with, if nobody can hide a message for longer than this. None when that cannot be said.
    #[must_use]
    pub fn collected_within(&self, hidden_max: Duration, now: Timestamp) -> Option<Timestamp> {
        self.lock().collected.least(hidden_max, now)
    }

    /// What can be said now. After a silence, and when the clock was set back, listening begins anew.
    #[must_use]
    pub fn look(&self, now: Timestamp) -> Heard {
        let mut state = self.lock();
        if now < state.looked {
            *state = State::new(now);
        }
        if now.since(state.looked) > SILENCE_MAX || now.since(state.heard) > SILENCE_MAX {
            state.since = now;
            state.collected = Claims::new(now);
        }
        let has_grace = now.since(state.since) < GRACE;
        Heard {
            newcomers: has_grace.then_some(state.since),
        }
    }

    /// What followed from the look of that time is done.
    pub fn looked(&self, now: Timestamp) {
        self.lock().looked = now;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    const fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            heard: now,
            looked: now,
            collected: Claims::new(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn at(seconds: i64) -> Timestamp {
        START.plus_millis(seconds * 1000)
    }

    fn look(listening: &Listening, seconds: i64) -> Option<Timestamp> {
        let newcomers = listening.look(at(seconds)).newcomers;
        listening.looked(at(seconds));
        newcomers
    }

    /// All goes well, second by second, with receives that find nothing.
    fn listen(listening: &Listening, seconds: std::ops::RangeInclusive<i64>) -> Option<Timestamp> {
        let mut newcomers = None;
        for second in seconds {
            if second % 20 == 0 {
                listening.collected(Some(at(second)), at(second));
            }
            newcomers = look(listening, second);
        }
        newcomers
    }

    #[test]
    fn for_a_minute_only_newcomers_would_have_been_heard() {
        let listening = Listening::new(START);
        assert_eq!(listen(&listening, 0..=59), Some(START));
        assert_eq!(listen(&listening, 60..=60), None);
    }

    #[test]
    fn when_nothing_is_collected_for_long_the_minute_begins_anew() {
        let listening = Listening::new(START);
        listen(&listening, 0..=100);
        for second in 101..=130 {
            assert_eq!(look(&listening, second), None);
        }
        for second in 131..=3700 {
            assert_eq!(look(&listening, second), Some(at(second)));
        }
        listening.collected(None, at(3701));
        assert_eq!(listen(&listening, 3701..=3759), Some(at(3700)));
        assert_eq!(listen(&listening, 3760..=3760), None);
    }

    #[test]
    fn when_deadlines_cannot_be_looked_at_for_long_the_minute_begins_anew() {
        let listening = Listening::new(START);
        listen(&listening, 0..=100);
        for second in (101..=700).step_by(10) {
            listening.collected(Some(at(second)), at(second));
            // The database does not answer.
            let _ = listening.look(at(second));
        }
        assert_eq!(listen(&listening, 700..=759), Some(at(700)));
        assert_eq!(listen(&listening, 760..=760), None);
    }

    #[test]
    fn a_short_failure_is_no_break() {
        let listening = Listening::new(START);
        listen(&listening, 0..=100);
        assert_eq!(look(&listening, 130), None);
    }

    #[test]
    fn a_process_that_was_stopped_or_whose_clock_jumped_forward_begins_anew() {
        let listening = Listening::new(START);
        listen(&listening, 0..=100);
        listening.collected(None, at(700));
        assert_eq!(look(&listening, 700), Some(at(700)));
        assert_eq!(listen(&listening, 701..=760), None);
    }

    /// What can be said of a queue whose messages hide for 30 s at most.
    fn said(listening: &Listening, seconds: i64) -> Option<Timestamp> {
        listening.collected_within(Duration::from_secs(30), at(seconds))
    }

    #[test]
    fn a_clock_that_was_set_back_forgets_what_it_had_collected() {
        let listening = Listening::new(START);
        listen(&listening, 0..=100);
        assert_eq!(said(&listening, 100), Some(at(80)));
        let anew = Heard {
            newcomers: Some(at(-500)),
        };
        assert_eq!(listening.look(at(-500)), anew);
        listening.looked(at(-500));
        assert_eq!(said(&listening, -500), None);
        assert_eq!(listen(&listening, -499..=-440), None);
        assert_eq!(said(&listening, -440), Some(at(-460)));
    }

    #[test]
    fn what_one_receive_did_not_see_others_tell_of() {
        let listening = Listening::new(START);
        // An hour's backlog: a message that was sent long ago is with another receiver, and then nothing else waits.
        listening.collected(Some(at(-3600)), at(0));
        for second in 1..=30 {
            listening.collected(Some(at(second)), at(second));
        }
        assert_eq!(said(&listening, 30), Some(at(-3600)));
        // By now it would have come again.
        listening.collected(Some(at(31)), at(31));
        assert_eq!(said(&listening, 31), Some(at(1)));
        // It does.
        listening.collected(Some(at(-3500)), at(32));
        assert_eq!(said(&listening, 32), Some(at(-3500)));
    }

    #[test]
    fn who_has_not_listened_for_long_enough_says_nothing() {
        let listening = Listening::new(START);
        for second in 0..30 {
            listening.collected(Some(at(second)), at(second));
            assert_eq!(said(&listening, second), None);
        }
        assert_eq!(said(&listening, 30), Some(at(0)));
        // A longer timeout is asked for than anything was kept for; then it is kept.
        listen(&listening, 30..=2000);
        let hour = Duration::from_hours(1);
        assert_eq!(listening.collected_within(hour, at(2000)), None);
        listen(&listening, 2001..=4000);
        assert_eq!(listening.collected_within(hour, at(4000)), None);
        listen(&listening, 4001..=5600);
        assert_eq!(listening.collected_within(hour, at(5600)), Some(at(2000)));
    }

    #[test]
    fn what_is_not_known_of_one_receive_is_known_of_none_until_it_has_passed() {
        let listening = Listening::new(START);
        listen(&listening, 0..=60);
        listening.collected(None, at(61));
        listen(&listening, 61..=90);
        assert_eq!(said(&listening, 90), Some(Timestamp::from_millis(0)));
        listen(&listening, 91..=100);
        assert_eq!(said(&listening, 100), Some(at(80)));
    }

    #[test]
    fn after_a_break_nothing_is_said_of_what_came_before() {
        let listening = Listening::new(START);
        listen(&listening, 0..=100);
        listening.collected(Some(at(700)), at(700));
        assert_eq!(look(&listening, 700), Some(at(700)));
        listening.collected(Some(at(701)), at(701));
        assert_eq!(said(&listening, 729), None);
        listen(&listening, 701..=731);
        assert_eq!(said(&listening, 731), Some(at(701)));
    }
}
