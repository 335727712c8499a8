//! `RetryJob`: what a job was asked for is asked for again, as a new job, and checked like any new one.
//!
//! A successor comes first: a job that was retried before is answered with it, whatever the catalog says today.

use postern_proto::postern::v1::{RetryJobRequest, RetryJobResponse};
use tonic::{Request, Response, Status};

use super::asked::Asked;
use super::get::job_id;
use super::problem::Problem;
use super::reply::Reply;
use super::{Api, caller, convert, trace};
use crate::catalog::JobType;
use crate::job::{Job, JobId, NotRetried, PartnerId, State, Timeouts, millis};
use crate::store::{Original, Retried, Submission, Trace};

/// What retrying a job comes to.
pub(super) enum Retrial {
    /// It was retried: the job that does so.
    Known(Box<Job>),
    /// What is to be stored.
    New(Box<Submission>),
}

impl Api {
    pub(super) async fn retry(
        &self,
        request: Request<RetryJobRequest>,
    ) -> Result<Response<RetryJobResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let trace = trace::of(request.metadata());
        let id = job_id(&request.get_ref().job_id)?;
        let job = self.successor(&partner, id, trace).await?;
        let reply = RetryJobResponse {
            job: Some(self.with_result(&partner, &job).await?),
        };
        Ok(Reply::new(reply).accepted(&job)?.done())
    }

    /// The job that retries this one, made now where there is none.
    async fn successor(&self, partner: &PartnerId, id: JobId, trace: Trace) -> Result<Job, Problem> {
        let found = self.store.partner().original(partner, id).await?;
        let original = found.ok_or_else(Problem::job_not_found)?;
        match self.retrial(original, trace)? {
            Retrial::Known(successor) => Ok(*successor),
            // Somebody else may have been faster since.
            Retrial::New(submission) => made(self.store.partner().retry(partner, id, &submission).await?),
        }
    }

    /// What retrying a job comes to today, or why it is not retried.
    pub(super) fn retrial(&self, original: Original, trace: Trace) -> Result<Retrial, Problem> {
        if let Some(successor) = original.successor {
            return Ok(Retrial::Known(Box::new(successor)));
        }
        let job = &original.job;
        job.may_be_retried().map_err(|why| not_retried(why, job.state))?;
        Ok(Retrial::New(Box::new(self.again(original, trace)?)))
    }

    /// What would be stored, or everything that is wrong with it today.
    fn again(&self, original: Original, trace: Trace) -> Result<Submission, Problem> {
        let Original { job, payload, .. } = original;
        let value = serde_json::from_str(&payload).map_err(|error| {
            tracing::error!(job.id = %job.id, %error, "a stored payload is not JSON");
            Problem::internal()
        })?;
        let clocks = match self.catalog.get(&job.job_type) {
            Some(job_type) => clocks(job.timeouts, job_type),
            None => job.timeouts,
        };
        let asked = Asked::again(&job, value, clocks);
        let mut submission = self.check(&asked, &job.partner, None, trace)?;
        submission.job.retried_from = Some(job.id);
        // To the last digit of a fraction, which reading it may have changed.
        submission.payload = payload;
        Ok(submission)
    }
}

/// The successor that the store has made or found. One that it refuses has changed since it was looked at.
pub(super) fn made(retried: Option<Retried>) -> Result<Job, Problem> {
    match retried.ok_or_else(Problem::job_not_found)? {
        Retried::New(successor) | Retried::Known(successor) => Ok(successor),
        Retried::Refused(why, state) => Err(not_retried(why, state)),
    }
}

/// The clocks that a job had, as far as its type still allows them.
fn clocks(given: Timeouts, job_type: &JobType) -> Timeouts {
    Timeouts {
        queue_millis: given.queue_millis.min(millis(job_type.queue_timeout())),
        execution_millis: given.execution_millis.min(millis(job_type.execution_timeout())),
        ..given
    }
}

fn not_retried(why: NotRetried, state: State) -> Problem {
    match why {
        NotRetried::NotTerminal => Problem::job_not_terminal(convert::state(state)),
        NotRetried::Succeeded => Problem::job_succeeded(),
    }
}
