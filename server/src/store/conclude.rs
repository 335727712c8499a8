//! Ends a job as an operator says.

use sea_orm::ActiveModelTrait;
use sea_orm::ActiveValue::{Set, Unchanged};

use super::action::{ActionKind, Subject};
use super::entity::body;
use super::history::Entry;
use super::write::{Outbox, Writing};
use super::{Error, Store};
use crate::job::{Conclusion, Job, JobId, Operator, Timestamp};

/// How a job is to be ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// As what.
    pub conclusion: Conclusion,
    /// Why, for those who operate the server.
    pub reason: String,
    /// Where it succeeded: the result as JSON text.
    pub result: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Concluded {
    /// The job has ended.
    Done(Job),
    /// It had ended already, and nothing has changed.
    TooLate(Job),
}

impl Store {
    pub(super) async fn conclude(
        &self,
        operator: &Operator,
        id: JobId,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<Option<Concluded>, Error> {
        let mut writing = self.write_as(operator, now).await?;
        let Some(locked) = writing.lock(id).await? else {
            return Ok(None);
        };
        let mut job = locked.job;
        let Some(kind) = job.conclude(&ending.conclusion, now) else {
            // It lets go of the row at once.
            self.commit(writing).await?;
            return Ok(Some(Concluded::TooLate(job)));
        };
        let entry = Entry {
            kind,
            detail: &ending.reason,
        };
        writing.changed(&job, Outbox::Done, Some(entry)).await?;
        if let Some(result) = &ending.result {
            keep_result(&writing, id, result).await?;
        }
        writing
            .acted(operator, ActionKind::End, Subject::Job(id), &ending.reason)
            .await?;
        self.commit(writing).await?;
        Ok(Some(Concluded::Done(job)))
    }
}

async fn keep_result(writing: &Writing, job: JobId, result: &str) -> Result<(), Error> {
    let body = body::ActiveModel {
        job_id: Unchanged(job.uuid()),
        result: Set(Some(result.to_owned())),
        ..Default::default()
    };
    body.update(writing.tx()).await?;
    Ok(())
}
