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
        let state = locked.job.state;
        if !state.is_terminal() {
            return Ok(Some(Deletion::NotTerminal(state)));
        }
        writing.deleted(vec![(locked.job.partner, id)]).await?;
        self.commit(writing).await?;
        Ok(Some(Deletion::Done))
    }
}
