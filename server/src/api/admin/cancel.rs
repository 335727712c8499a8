//! `CancelJob`: as the partner's own.

use postern_proto::postern::admin::v1::{CancelJobRequest, CancelJobResponse};
use tonic::{Request, Response, Status};

use super::super::cancel::cancelled;
use super::super::get::job_id;
use super::super::problem::Problem;
use super::{Admin, operator, reason};
use crate::job::{JobId, Operator, Timestamp};

impl Admin {
    pub(super) async fn cancel(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<CancelJobResponse>, Status> {
        let operator = operator(&request)?;
        let request = request.into_inner();
        let id = job_id(&request.job_id)?;
        reason::check(&request.reason)?;
        self.cancelled(&operator, id, &request.reason).await?;
        Ok(Response::new(CancelJobResponse {
            job: Some(self.job(id).await?),
        }))
    }

    pub(super) async fn cancelled(
        &self,
        operator: &Operator,
        id: JobId,
        reason: &str,
    ) -> Result<(), Problem> {
        let face = self.0.store.operator();
        let found = face.cancel(operator, id, reason, Timestamp::now()).await?;
        cancelled(found).map(drop)
    }
}
