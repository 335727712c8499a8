//! Cancels a job, or keeps the wish, whoever has it.
//!
//! A claim and a cancellation of one job never both win: each locks the row and then sees what the other committed. `claim` takes no job
//! that is no longer due, and a job that is claimed is only asked to stop.

use super::action::{ActionKind, Subject};
use super::history::Entry;
use super::row::Locked;
use super::write::{Outbox, Writing};
use super::{Error, Store};
use crate::job::{Cancellation, EventKind, Job, JobId, Operator, PartnerId, Timestamp};

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
        let cancelled = cancel(&mut writing, locked, reason).await?;
        self.commit(writing).await?;
        Ok(Some(cancelled))
    }

    /// The same for an operator, who is named in the history whatever came of it, unless it was too late.
    pub(super) async fn cancel_as(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<(Job, Cancellation)>, Error> {
        let mut writing = self.write_as(operator, now).await?;
        let Some(locked) = writing.lock(id).await? else {
            return Ok(None);
        };
        let (job, cancellation) = cancel(&mut writing, locked, reason).await?;
        if cancellation != Cancellation::TooLate {
            writing
                .acted(operator, ActionKind::Cancel, Subject::Job(id), reason)
                .await?;
        }
        self.commit(writing).await?;
        Ok(Some((job, cancellation)))
    }
}

/// The job as it is then. Even where nothing changed, the commit lets go of the row at once: a claim passes over what is still locked.
async fn cancel(writing: &mut Writing, locked: Locked, reason: &str) -> Result<(Job, Cancellation), Error> {
    let mut job = locked.job;
    let cancellation = job.cancel(locked.is_claimed, writing.now());
    let wish = Entry {
        kind: EventKind::CancelRequested,
        detail: reason,
    };
    match cancellation {
        Cancellation::AtOnce => {
            let entry = Entry {
                kind: EventKind::Cancelled,
                detail: &ended(reason),
            };
            writing.changed(&job, Outbox::Done, Some(entry)).await?;
        }
        // A claim that is not marked as sent goes on: its task must reach somebody who can say how it ended.
        Cancellation::Requested => writing.changed(&job, Outbox::AsItIs, Some(wish)).await?,
        Cancellation::Known if writing.operator().is_some() => writing.noted(&job, wish).await?,
        Cancellation::Known | Cancellation::TooLate => {}
    }
    Ok((job, cancellation))
}

fn ended(reason: &str) -> String {
    let what = "cancelled before it was handed out";
    if reason.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {reason}")
    }
}
