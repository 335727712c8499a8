//! What a partner's wish to retry makes of a job that has ended: it names its successor, and changes in nothing else.

use super::{Job, JobId, State, Timestamp};

/// Why a job is not retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRetried {
    /// It has not ended yet.
    NotTerminal,
    /// It did what was asked.
    Succeeded,
}

impl Job {
    /// Whether another job may do again what this one has failed to do.
    ///
    /// # Errors
    /// Why not.
    pub const fn may_be_retried(&self) -> Result<(), NotRetried> {
        match self.state {
            State::Queued | State::Running => Err(NotRetried::NotTerminal),
            State::Succeeded => Err(NotRetried::Succeeded),
            State::Failed | State::Cancelled | State::Expired => Ok(()),
        }
    }

    /// Names the job that retries this one. That an earlier one is no longer there, the caller has made sure.
    ///
    /// # Errors
    /// Why it is not retried; nothing has changed then.
    pub fn retry(&mut self, successor: JobId, now: Timestamp) -> Result<(), NotRetried> {
        self.may_be_retried()?;
        self.retried_by = Some(successor);
        self.changed(now);
        Ok(())
    }
}
