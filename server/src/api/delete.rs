//! `DeleteJob`: nothing is left of a job that has ended.

use postern_proto::postern::v1::{DeleteJobRequest, DeleteJobResponse};
use tonic::{Request, Response, Status};

use super::get::job_id;
use super::problem::Problem;
use super::reply::Reply;
use super::{Api, caller, convert};
use crate::job::{PartnerId, Timestamp};
use crate::store::Deletion;

impl Api {
    pub(super) async fn delete(
        &self,
        request: Request<DeleteJobRequest>,
    ) -> Result<Response<DeleteJobResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        self.deleted(&partner, &request.get_ref().job_id).await?;
        Ok(Reply::new(DeleteJobResponse {}).nothing_to_tell()?.done())
    }

    async fn deleted(&self, partner: &PartnerId, job: &str) -> Result<(), Problem> {
        let id = job_id(job)?;
        let found = self.store.partner().delete(partner, id, Timestamp::now()).await?;
        match found.ok_or_else(Problem::job_not_found)? {
            Deletion::Done => Ok(()),
            Deletion::NotTerminal(state) => Err(Problem::job_not_terminal(convert::state(state))),
        }
    }
}
