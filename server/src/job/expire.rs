//! What becomes of a job whose deadline has passed.

use super::{DeadLetter, EventKind, Failure, Job, State, Timestamp};

impl Job {
    /// Ends the job, if its deadline has passed: nobody told of it in time, so it is EXPIRED, for what became of it is unknown, or FAILED,
    /// where its task lies among the dead letters. The entry for its history; none where there is nothing to end, as when its deadline
    /// has moved on since somebody looked.
    pub fn expire(&mut self, now: Timestamp) -> Option<EventKind> {
        if self.deadline > now {
            return None;
        }
        let expired = |failure| (State::Expired, EventKind::Expired, failure);
        let (state, kind, failure) = match (self.state, self.dead_letter) {
            (State::Queued | State::Running, Some(DeadLetter::Failing)) => {
                (State::Failed, EventKind::Failed, Failure::dead_lettered())
            }
            (State::Queued, _) => expired(Failure::queue_timeout()),
            (State::Running, Some(DeadLetter::Held)) => expired(Failure::hold_timeout()),
            (State::Running, None) => expired(Failure::execution_timeout()),
            (State::Succeeded | State::Failed | State::Cancelled | State::Expired, _) => return None,
        };
        self.failure = Some(failure);
        self.end(state, kind, now);
        Some(kind)
    }
}
