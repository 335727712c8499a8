//! `RetryJob`: as the partner's own, whose the new job is.

use postern_proto::postern::admin::v1::{RetryJobRequest, RetryJobResponse};
use tonic::{Request, Response, Status};

use super::super::get::job_id;
use super::super::problem::Problem;
use super::super::retry::{Retrial, made};
use super::super::trace;
use super::{Admin, operator, reason};
use crate::job::{JobId, Operator, Timestamp};
use crate::store::Trace;

impl Admin {
    pub(super) async fn retry(
        &self,
        request: Request<RetryJobRequest>,
    ) -> Result<Response<RetryJobResponse>, Status> {
        let operator = operator(&request)?;
        let trace = trace::of(request.metadata());
        let request = request.into_inner();
        let id = job_id(&request.job_id)?;
        reason::check(&request.reason)?;
        let successor = self.retried(&operator, id, &request.reason, trace).await?;
        Ok(Response::new(RetryJobResponse {
            job: Some(self.job(successor).await?),
        }))
    }

    /// The job that retries this one. That it was asked for is written down even where it was made before.
    pub(super) async fn retried(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
        trace: Trace,
    ) -> Result<JobId, Problem> {
        let face = self.0.store.operator();
        let submission = match self.retrial(id, trace).await? {
            Retrial::New(submission) => submission,
            Retrial::Known(successor) => {
                face.note_retry(operator, id, reason, Timestamp::now()).await?;
                return Ok(successor.id);
            }
        };
        let retried = face.retry(operator, id, &submission, reason).await?;
        Ok(made(retried)?.id)
    }

    /// What retrying a job comes to, or why it is not retried.
    pub(super) async fn retrial(&self, id: JobId, trace: Trace) -> Result<Retrial, Problem> {
        let found = self.0.store.operator().original(id).await?;
        let original = found.ok_or_else(Problem::job_not_found)?;
        self.0.retrial(original, trace)
    }
}
