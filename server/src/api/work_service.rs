//! `WorkService`: what consumers ask and tell while they work. The outcome token says which task is meant; whose token calls does not matter,
//! as long as it has the scope.

use postern_proto::postern::work::v1 as pb;
use postern_proto::postern::work::v1::work_service_server::WorkService;
use tonic::{Code, Request, Response, Status};

use super::problem::{Problem, Violation};
use super::{Api, convert};
use crate::job::{Decision, Execution, Job, JobId, Progress, Timestamp};

#[tonic::async_trait]
impl WorkService for Api {
    async fn begin_task(
        &self,
        request: Request<pb::BeginTaskRequest>,
    ) -> Result<Response<pb::BeginTaskResponse>, Status> {
        let request = request.into_inner();
        let (job, execution) = self.execution(&request.outcome_token, request.attempt)?;
        let begun = self.store.work().begin(job, execution, Timestamp::now()).await;
        let (job, decision) = begun.map_err(Problem::from)?.ok_or_else(Problem::job_not_found)?;
        Ok(Response::new(pb::BeginTaskResponse {
            decision: told(decision).into(),
            deadline: deadline(&job, decision),
        }))
    }

    async fn heartbeat(
        &self,
        request: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        let request = request.into_inner();
        let (job, execution) = self.execution(&request.outcome_token, request.attempt)?;
        let progress = request
            .progress
            .map(|told| Progress::told(told.completed.into(), told.total.into(), &told.message));
        let now = Timestamp::now();
        let work = self.store.work();
        let recorded = work.heartbeat(job, execution, progress.as_ref(), now).await;
        let (job, decision) = recorded
            .map_err(Problem::from)?
            .ok_or_else(Problem::job_not_found)?;
        Ok(Response::new(pb::HeartbeatResponse {
            cancel_requested: job.cancel_requested,
            deadline: deadline(&job, decision),
            decision: told(decision).into(),
        }))
    }
}

impl Api {
    /// Which execution is meant.
    fn execution(&self, token: &str, attempt: i32) -> Result<(JobId, Execution), Problem> {
        if attempt < 0 {
            let violation = Violation::new("/attempt", "OUT_OF_RANGE", "must not be negative");
            return Err(Problem::invalid_request(vec![violation]));
        }
        let (job, dispatch) = self.seal.open_outcome_token(token).ok_or_else(|| {
            Problem::new(
                Code::InvalidArgument,
                "OUTCOME_TOKEN_INVALID",
                "the outcome token is not of a task of this server",
            )
        })?;
        let execution = Execution {
            dispatch,
            attempt: Some(attempt).filter(|attempt| *attempt > 0),
        };
        Ok((job, execution))
    }
}

const fn told(decision: Decision) -> pb::Decision {
    match decision {
        Decision::Go => pb::Decision::Go,
        Decision::Cancelled => pb::Decision::Cancelled,
        Decision::Superseded => pb::Decision::Superseded,
    }
}

/// By when the execution must have been heard of again. Where there is to be none, there is nothing to wait for.
fn deadline(job: &Job, decision: Decision) -> Option<prost_types::Timestamp> {
    (decision == Decision::Go).then(|| convert::timestamp(job.deadline))
}
