//! Cancels a job of a partner, or keeps the wish.
//!
//! A claim and a cancellation of one job never both win: each locks the row and then sees what the other committed. `claim` takes no job
//! that is no longer due, and a job that is claimed is only asked to stop.

use super::write::{Entry, Outbox};
use super::{Error, Store};
use crate::job::{Cancellation, EventKind, Job, JobId, PartnerId, Timestamp};

impl Store {
    pub(super) async fn cancel(
        &self,
        partner: &PartnerId,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<(Job, Cancellation)>, Error> {
        let mut writing = self.write(now).await?;
        let Some(locked) = writing.lock_of(partner, id).await? else {
            return Ok(None);
        };
        let mut job = locked.job;
        let cancellation = job.cancel(locked.is_claimed, now);
        match cancellation {
            Cancellation::AtOnce => {
                let entry = Entry {
                    kind: EventKind::Cancelled,
                    detail: &ended(reason),
                };
                writing.changed(&job, Outbox::Done, Some(entry)).await?;
            }
            // A claim that is not marked as sent goes on: its task must reach somebody who can say how it ended.
            Cancellation::Requested => {
                let entry = Entry {
                    kind: EventKind::CancelRequested,
                    detail: reason,
                };
                writing.changed(&job, Outbox::AsItIs, Some(entry)).await?;
            }
            // Nothing changed, and the commit lets go of the row at once: a claim passes over what is still locked.
            Cancellation::Known | Cancellation::TooLate => {}
        }
        self.commit(writing).await?;
        Ok(Some((job, cancellation)))
    }
}

fn ended(reason: &str) -> String {
    let what = "cancelled before it was handed out";
    if reason.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {reason}")
    }
}
