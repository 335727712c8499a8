//! What becomes of a job whose deadline has passed.

use super::{EventKind, Failure, Job, State, Timestamp};

impl Job {
    /// Ends the job as EXPIRED, if its deadline has passed: nobody told of it in time, so what became of it is unknown. False where there
    /// is nothing to end, as when its deadline has moved on since somebody looked.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        if self.deadline > now {
            return false;
        }
        let failure = match self.state {
            State::Queued => Failure::queue_timeout(),
            State::Running => Failure::execution_timeout(),
            State::Succeeded | State::Failed | State::Cancelled | State::Expired => return false,
        };
        self.failure = Some(failure);
        self.end(State::Expired, EventKind::Expired, now);
        true
    }
}
