//! GetJob: a job now, or, with `wait`, once there is something to tell.

use postern_proto::postern::v1::{GetJobRequest, GetJobResponse};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Response, Status};

use super::problem::Problem;
use super::reply::Reply;
use super::{Api, caller, wait};
use crate::job::{Job, JobId, PartnerId};

impl Api {
    pub(super) async fn get(
        &self,
        request: Request<GetJobRequest>,
    ) -> Result<Response<GetJobResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let longest = wait::longest(request.metadata());
        let request = request.into_inner();
        let id = job_id(&request.job_id)?;
        let mut violations = Vec::new();
        let until = wait::until(request.wait.as_ref(), longest, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations).into());
        }
        let job = match until {
            None => self.read(&partner, id, request.after_revision).await?,
            Some(until) => self.wait(&partner, id, request.after_revision, until).await?,
        };
        let reply = GetJobResponse {
            job: Some(self.with_result(&partner, &job).await?),
        };
        Ok(Reply::new(reply).polled(&job)?.done())
    }

    /// Reads a job of the partner. A reader cannot know a revision that is not there yet.
    pub(super) async fn read(
        &self,
        partner: &PartnerId,
        id: JobId,
        after: Option<i32>,
    ) -> Result<Job, Problem> {
        let job = self
            .store
            .partner()
            .get(partner, id)
            .await?
            .ok_or_else(Problem::job_not_found)?;
        match after {
            Some(after) if after > job.revision => Err(Problem::revision_ahead(job.revision)),
            _ => Ok(job),
        }
    }

    /// The job once it is terminal or its revision greater than `after`, and when time is up as it is.
    async fn wait(
        &self,
        partner: &PartnerId,
        id: JobId,
        after: Option<i32>,
        until: Instant,
    ) -> Result<Job, Problem> {
        // Before the first reading, so that no change between the two is missed.
        let mut subscription = self.hub.subscribe(id);
        loop {
            let job = self.read(partner, id, after).await?;
            if job.state.is_terminal() || after.is_some_and(|after| job.revision > after) {
                return Ok(job);
            }
            tokio::select! {
                () = subscription.changed() => {}
                () = sleep_until(until) => return self.read(partner, id, after).await,
                () = self.shutdown.cancelled() => return Ok(job),
            }
        }
    }
}

/// An id of the caller's. One that could not be an id is not found like one that does not exist.
pub(super) fn job_id(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|_invalid| Problem::job_not_found())
}
