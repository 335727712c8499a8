//! Deletes a job of a partner, with all that belongs to it.

use super::{Error, Store};
use crate::job::{JobId, PartnerId, State, Timestamp};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Nothing is left of the job.
    Done,
    /// It has not ended, and stays.
    NotTerminal(State),
}

impl Store {
    pub(super) async fn delete(
        &self,
        partner: &PartnerId,
        id: JobId,
        now: Timestamp,
    ) -> Result<Option<Deletion>, Error> {
        let mut writing = self.write(now).await?;
        let Some(locked) = writing.lock_of(partner, id).await? else {
            return Ok(None);
        };
        let job = locked.job;
        let deletion = if job.state.is_terminal() {
            writing.deleted(vec![(job.partner, id)]).await?;
            Deletion::Done
        } else {
            Deletion::NotTerminal(job.state)
        };
        // It lets go of the row at once, though nothing has changed: claims and sweeps pass over what is locked.
        self.commit(writing).await?;
        Ok(Some(deletion))
    }
}
