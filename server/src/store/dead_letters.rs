//! Links dead letters to their jobs, and sends held ones again.
//!
//! The commit that links a dead letter takes all of it over: the task can be made again from its job, so its message is not needed any more.

use super::action::{ActionKind, Subject};
use super::apply::is_new;
use super::history::Entry;
use super::quarantine::{Letter, Origin, Unusable};
use super::row::Locked;
use super::system::Verdict;
use super::write::{Outbox, Writing};
use super::{Error, Store, change};
use crate::job::{Applied, DeadLetterPolicy, EventKind, Ignored, Job, JobId, Operator, Redrive, Timestamp};

/// A task that was found among the dead letters.
#[derive(Debug, Clone)]
pub struct DeadTask {
    /// Of which job.
    pub job: JobId,
    /// Of which dispatch.
    pub dispatch: i32,
    /// The queue's id of its message: the same message twice is one dead letter.
    pub message_id: String,
}

impl DeadTask {
    /// What is kept of a task whose job is not there: it was deleted, and its payload with it. Then none of it is kept here, either.
    #[must_use]
    pub fn without_job(&self) -> Unusable {
        Unusable {
            letter: Letter {
                message_id: self.message_id.clone(),
                body: String::new(),
            },
            origin: Origin::DeadLetters,
            reason: format!("no such job: {}, dispatch {}", self.job, self.dispatch),
            job: Some(self.job),
        }
    }
}

/// What came of sending a task again.
#[derive(Debug, Clone)]
pub enum Redriven {
    /// It is due: the job as it is now.
    Due(Job),
    /// The job is not held.
    NotHeld(Job),
}

impl Store {
    pub(super) async fn bury(
        &self,
        task: &DeadTask,
        policy: &(dyn Fn(&Job) -> DeadLetterPolicy + Sync),
        now: Timestamp,
    ) -> Result<Verdict, Error> {
        let mut writing = self.write(now).await?;
        let verdict = bury(&mut writing, task, policy).await?;
        // Even where nothing changed, it lets go of the row at once: a claim passes over what is locked.
        self.commit(writing).await?;
        Ok(verdict)
    }

    pub(super) async fn redrive(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Redriven>, Error> {
        let mut writing = self.write_as(operator, now).await?;
        let Some(Locked { mut job, .. }) = writing.lock(id).await? else {
            return Ok(None);
        };
        let entry = Entry {
            kind: EventKind::Redriven,
            detail: reason,
        };
        match job.redrive(now) {
            Redrive::NotHeld => {
                // It lets go of the row at once: a claim passes over what is locked.
                self.commit(writing).await?;
                return Ok(Some(Redriven::NotHeld(job)));
            }
            Redrive::Visible => writing.changed(&job, Outbox::Again, Some(entry)).await?,
            Redrive::Unseen => {
                writing.extended(&job, Outbox::Again).await?;
                writing.noted(&job, entry).await?;
            }
        }
        writing
            .acted(operator, ActionKind::Redrive, Subject::Job(id), reason)
            .await?;
        self.commit(writing).await?;
        Ok(Some(Redriven::Due(job)))
    }
}

pub(super) async fn bury(
    writing: &mut Writing,
    task: &DeadTask,
    policy: &(dyn Fn(&Job) -> DeadLetterPolicy + Sync),
) -> Result<Verdict, Error> {
    let Some(mut locked) = writing.lock(task.job).await? else {
        return Ok(Verdict::JobUnknown);
    };
    // A message that was linked, and not deleted, must not be taken for another one of a task that was sent again.
    let event_id = format!("dead letter {}", task.message_id);
    if !is_new(writing.tx(), locked.job.id, task.dispatch, &event_id).await? {
        return Ok(Verdict::Settled);
    }
    let policy = policy(&locked.job);
    let applied = locked.job.bury(task.dispatch, policy, writing.now());
    writing.applied(&locked, applied, "").await?;
    let dispatch = task.dispatch.to_string();
    let entry = match applied {
        Applied::Ignored(Ignored::Late) => {
            change::count(writing.tx(), "anomalies").await?;
            Some((EventKind::LateDeadLetter, dispatch.as_str()))
        }
        Applied::Ignored(Ignored::Stale) => None,
        Applied::Changed(_) | Applied::Requeued { .. } | Applied::Extended => {
            Some((EventKind::DeadLettered, ""))
        }
    };
    if let Some((kind, detail)) = entry {
        writing.noted(&locked.job, Entry { kind, detail }).await?;
    }
    Ok(Verdict::Settled)
}
