//! `CancelJob`: a job is cancelled at once, or whoever executes it is asked to stop.

use postern_proto::postern::v1::{CancelJobRequest, CancelJobResponse};
use tonic::{Request, Response, Status};

use super::get::job_id;
use super::problem::{Problem, Violation};
use super::{Api, caller, convert};
use crate::job::{Cancellation, Job, PartnerId, Timestamp};

const REASON_BYTES_MAX: usize = 256;

impl Api {
    pub(super) async fn cancel(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<CancelJobResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let job = self.cancelled(&partner, request.get_ref()).await?;
        Ok(Response::new(CancelJobResponse {
            // What has a result cannot be cancelled.
            job: Some(convert::job(&job)),
        }))
    }

    async fn cancelled(&self, partner: &PartnerId, request: &CancelJobRequest) -> Result<Job, Problem> {
        let id = job_id(&request.job_id)?;
        check(&request.reason)?;
        let now = Timestamp::now();
        let found = self
            .store
            .partner()
            .cancel(partner, id, &request.reason, now)
            .await?;
        cancelled(found)
    }
}

/// The job that was to be cancelled, unless it was not there, or had ended otherwise.
pub(super) fn cancelled(found: Option<(Job, Cancellation)>) -> Result<Job, Problem> {
    match found.ok_or_else(Problem::job_not_found)? {
        (job, Cancellation::AtOnce | Cancellation::Requested | Cancellation::Known) => Ok(job),
        (job, Cancellation::TooLate) => Err(Problem::job_terminal(convert::state(job.state))),
    }
}

fn check(reason: &str) -> Result<(), Problem> {
    let mut violations = Vec::new();
    if reason.len() > REASON_BYTES_MAX {
        violations.push(Violation::new(
            "/reason",
            "TOO_LONG",
            "at most 256 bytes are kept",
        ));
    }
    if reason.contains('\0') {
        violations.push(Violation::nul("/reason"));
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid_request(violations))
    }
}
