//! `GetJob`: a job with its internals.

use postern_proto::postern::admin::v1::{GetJobRequest, GetJobResponse, Job};
use prost_types::Struct;
use tonic::{Request, Response, Status};

use super::super::convert::result as object;
use super::super::get::job_id;
use super::super::problem::Problem;
use super::{Admin, convert};
use crate::job::JobId;
use crate::store::operator::Whole;

impl Admin {
    pub(super) async fn get(
        &self,
        request: Request<GetJobRequest>,
    ) -> Result<Response<GetJobResponse>, Status> {
        let request = request.into_inner();
        let id = job_id(&request.job_id)?;
        let found = self.0.store.operator().get_whole(id).await;
        let whole = found.map_err(Problem::from)?.ok_or_else(Problem::job_not_found)?;
        Ok(Response::new(GetJobResponse {
            job: Some(message(whole, request.include_payload)?),
        }))
    }
}

fn message(whole: Whole, include_payload: bool) -> Result<Job, Problem> {
    let id = whole.inspected.job.id;
    let mut message = convert::job(&whole.inspected);
    message.sendings = whole.sent.into_iter().map(convert::sending).collect();
    message.anomalies = i32::try_from(whole.anomalies).unwrap_or(i32::MAX);
    if include_payload {
        message.payload = Some(stored(&whole.payload, id)?);
    }
    if let (Some(job), Some(result)) = (&mut message.job, whole.result) {
        job.result = Some(stored(&result, id)?);
    }
    Ok(message)
}

fn stored(json: &str, job: JobId) -> Result<Struct, Problem> {
    object(json).map_err(|error| {
        tracing::error!(job.id = %job, %error, "a stored payload or result is no JSON object");
        Problem::internal()
    })
}
