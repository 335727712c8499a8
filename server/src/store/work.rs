//! What consumers may do that can reach the server, each verb bound to a job that an outcome token has proven.

use super::{Error, Store};
use crate::job::{Applied, Decision, Execution, Job, JobId, Progress, Timestamp};

/// The verbs of consumers. None where the job is not there, or no longer.
#[derive(Debug, Clone, Copy)]
pub struct Face<'a> {
    store: &'a Store,
}

impl<'a> Face<'a> {
    pub(super) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Decides whether an execution may begin, and records its start if so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin(
        &self,
        job: JobId,
        execution: Execution,
        now: Timestamp,
    ) -> Result<Option<(Job, Decision)>, Error> {
        self.change(job, now, |job| job.begin_task(execution, now)).await
    }

    /// Records that an execution is alive, and how far it has come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heartbeat(
        &self,
        job: JobId,
        execution: Execution,
        progress: Option<&Progress>,
        now: Timestamp,
    ) -> Result<Option<(Job, Decision)>, Error> {
        let transition = |job: &mut Job| job.heartbeat(execution, progress, now);
        self.change(job, now, transition).await
    }

    async fn change(
        &self,
        id: JobId,
        now: Timestamp,
        transition: impl Fn(&mut Job) -> (Decision, Applied) + Sync,
    ) -> Result<Option<(Job, Decision)>, Error> {
        self.store.again(|| self.change_once(id, now, &transition)).await
    }

    async fn change_once(
        &self,
        id: JobId,
        now: Timestamp,
        transition: &(impl Fn(&mut Job) -> (Decision, Applied) + Sync),
    ) -> Result<Option<(Job, Decision)>, Error> {
        let mut writing = self.store.write(now).await?;
        let Some(mut locked) = writing.lock(id).await? else {
            return Ok(None);
        };
        let (decision, applied) = transition(&mut locked.job);
        writing
            .applied(&locked, applied, "cancelled before an execution began")
            .await?;
        self.store.commit(writing).await?;
        Ok(Some((locked.job, decision)))
    }
}
