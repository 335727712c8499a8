//! What an operator's word makes of a job that is stuck.

use super::{EventKind, Failure, Job, State, Timestamp};

/// What an operator knows, or decides, of a job that nobody else ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// It will not be done.
    Failed {
        /// Why: its partner reads this.
        reason: String,
    },
    /// It was done, and must not be done again.
    Succeeded,
}

impl Job {
    /// Ends the job as an operator says, whatever is under way: an outcome that still comes is late. The entry for its history; none where
    /// it has ended already, and nothing has changed.
    pub fn conclude(&mut self, conclusion: &Conclusion, now: Timestamp) -> Option<EventKind> {
        if self.state.is_terminal() {
            return None;
        }
        let (state, kind) = match conclusion {
            Conclusion::Failed { reason } => {
                self.failure = Some(Failure::ended_by_operator(reason));
                (State::Failed, EventKind::Failed)
            }
            Conclusion::Succeeded => (State::Succeeded, EventKind::Succeeded),
        };
        self.end(state, kind, now);
        Some(kind)
    }
}
