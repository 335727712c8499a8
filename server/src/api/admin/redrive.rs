//! `RedriveJob`: the task of a held dead letter is sent again.

use postern_proto::postern::admin::v1::{RedriveJobRequest, RedriveJobResponse};
use tonic::{Code, Request, Response, Status};

use super::super::get::job_id;
use super::super::problem::Problem;
use super::{Admin, operator, reason};
use crate::job::{JobId, Operator, Timestamp};
use crate::store::operator::Redriven;

impl Admin {
    pub(super) async fn redrive(
        &self,
        request: Request<RedriveJobRequest>,
    ) -> Result<Response<RedriveJobResponse>, Status> {
        let operator = operator(&request)?;
        let request = request.into_inner();
        let id = job_id(&request.job_id)?;
        reason::check(&request.reason)?;
        self.redriven(&operator, id, &request.reason).await?;
        Ok(Response::new(RedriveJobResponse {
            job: Some(self.job(id).await?),
        }))
    }

    pub(super) async fn redriven(&self, operator: &Operator, id: JobId, reason: &str) -> Result<(), Problem> {
        let face = self.0.store.operator();
        let found = face.redrive(operator, id, reason, Timestamp::now()).await?;
        match found.ok_or_else(Problem::job_not_found)? {
            Redriven::Due(_) => Ok(()),
            Redriven::NotHeld(_) => Err(not_held()),
        }
    }
}

pub(super) fn not_held() -> Problem {
    Problem::new(
        Code::FailedPrecondition,
        "JOB_NOT_HELD",
        "the job has no task among the dead letters that waits for an operator",
    )
}
