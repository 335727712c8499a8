//! What becomes of a job whose task was received too often without an outcome, and lies among the dead letters: nobody will receive it
//! again.
//!
//! From then on its deadline alone is its clock, and no report of the dispatch moves it. Until it passes, an outcome decides as ever.

use super::transition::{Applied, Ignored};
use super::{Job, State, Timestamp};

/// What a job waits for whose task of the current dispatch lies among the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadLetter {
    /// An outcome that is still under way; it fails at its deadline.
    Failing,
    /// An operator, who may send the task again; it expires at its deadline.
    Held,
}

/// What is to become of such a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterPolicy {
    /// It fails, after so long.
    Fail {
        /// How long an outcome may still be under way.
        grace_millis: i64,
    },
    /// It waits for an operator, as long as it may wait in the queue.
    Hold,
}

/// What came of the wish to send a task again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redrive {
    /// Its job has changed in a way that a reader can see, so its revision rose.
    Visible,
    /// Only its deadline moved on.
    Unseen,
    /// Nothing: its job is not held.
    NotHeld,
}

impl Job {
    /// The task of a dispatch was found among the dead letters.
    pub fn bury(&mut self, dispatch: i32, policy: DeadLetterPolicy, now: Timestamp) -> Applied {
        if self.state.is_terminal() || dispatch != self.dispatch {
            return Applied::Ignored(Ignored::Late);
        }
        // A task that was sent twice dies twice: the first sight counts.
        if self.dead_letter.is_some() {
            return Applied::Ignored(Ignored::Stale);
        }
        let (dead_letter, millis) = match policy {
            DeadLetterPolicy::Fail { grace_millis } => (DeadLetter::Failing, grace_millis),
            DeadLetterPolicy::Hold => (DeadLetter::Held, self.timeouts.queue_millis),
        };
        self.dead_letter = Some(dead_letter);
        self.deadline = now.plus_millis(millis);
        Applied::Extended
    }

    /// The task of the current dispatch is to be sent again, where the job is held: it waits in the queue as it did at first, and whatever
    /// an earlier execution reported holds no longer.
    pub fn redrive(&mut self, now: Timestamp) -> Redrive {
        if self.state.is_terminal() || self.dead_letter != Some(DeadLetter::Held) {
            return Redrive::NotHeld;
        }
        let had_started = self.state == State::Running;
        self.enter_queue(now);
        if had_started {
            self.changed(now);
            Redrive::Visible
        } else {
            Redrive::Unseen
        }
    }
}
