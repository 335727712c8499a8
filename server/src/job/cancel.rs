//! What a partner's wish to cancel makes of a job.

use super::{EventKind, Job, State, Timestamp};

/// What came of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The job is CANCELLED: nobody can have begun to execute it.
    AtOnce,
    /// It is told to whoever executes the job, and the outcome decides.
    Requested,
    /// Nothing changed: it had come true, or was told before.
    Known,
    /// Nothing changed: the job had ended otherwise.
    TooLate,
}

impl Job {
    /// Cancels the job, or asks for it. `is_claimed` tells whether a sending of the current dispatch may have begun: a claim counts as
    /// sent for ever, so that CANCELLED is never shown for something that ran to its end.
    pub fn cancel(&mut self, is_claimed: bool, now: Timestamp) -> Cancellation {
        match self.state {
            State::Cancelled => Cancellation::Known,
            State::Succeeded | State::Failed | State::Expired => Cancellation::TooLate,
            // During a backoff, too: what ran before was another dispatch, and has failed.
            State::Queued if !is_claimed => {
                self.end(State::Cancelled, EventKind::Cancelled, now);
                Cancellation::AtOnce
            }
            State::Queued | State::Running if self.cancel_requested => Cancellation::Known,
            State::Queued | State::Running => {
                self.cancel_requested = true;
                self.changed(now);
                Cancellation::Requested
            }
        }
    }
}
