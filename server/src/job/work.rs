//! What consumers that can reach the server ask and tell while they work: is a task still wanted, and its execution is alive.
//!
//! Nobody remembers which calls came before, so a call that is repeated must do no harm. With an attempt the second one finds what the first
//! left. Without, a second start is taken for a redelivery, as a second STARTED is: the execution begins anew, which moves its clock and
//! clears its progress, and decides nothing.

use super::transition::Position;
use super::{Applied, EventKind, Ignored, Job, Progress, State, Timestamp};

/// Which execution a consumer speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// Of which dispatch, as its outcome token proves.
    pub dispatch: i32,
    /// The consumer's own count of tries at the task, from 1.
    pub attempt: Option<i32>,
}

/// What the consumer is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Execute.
    Go,
    /// Drop the task without an outcome: a cancellation was asked for, or the job has ended.
    Cancelled,
    /// Drop it: it is of another dispatch.
    Superseded,
}

impl Job {
    /// Whether an execution may begin; if so, its start is known from now on, like one that was reported.
    pub fn begin_task(&mut self, execution: Execution, now: Timestamp) -> (Decision, Applied) {
        if let Some(stop) = self.stop(execution) {
            return (stop, Applied::Ignored(Ignored::Late));
        }
        if !self.cancel_requested {
            return (Decision::Go, self.start(position(execution), now));
        }
        // An execution whose start is known may be at its end: its outcome decides.
        let applied = if self.state == State::Queued {
            self.end(State::Cancelled, EventKind::Cancelled, now)
        } else {
            Applied::Ignored(Ignored::Stale)
        };
        (Decision::Cancelled, applied)
    }

    /// An execution is alive, and may tell of its progress: its clock starts anew. One whose start was not known has begun.
    pub fn heartbeat(
        &mut self,
        execution: Execution,
        progress: Option<&Progress>,
        now: Timestamp,
    ) -> (Decision, Applied) {
        match self.stop(execution) {
            Some(stop) => (stop, Applied::Ignored(Ignored::Late)),
            None => (Decision::Go, self.advance(position(execution), progress, now)),
        }
    }

    /// Why this execution is for nothing, if it is.
    const fn stop(&self, execution: Execution) -> Option<Decision> {
        if execution.dispatch != self.dispatch {
            return Some(Decision::Superseded);
        }
        if self.state.is_terminal() {
            return Some(Decision::Cancelled);
        }
        None
    }
}

const fn position(execution: Execution) -> Position {
    Position {
        attempt: execution.attempt,
        seq: None,
    }
}
