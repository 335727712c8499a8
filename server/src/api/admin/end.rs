//! `EndJob`: the last word on a job that is stuck.

use postern_proto::postern::admin::v1::{EndJobRequest, EndJobResponse};
use postern_proto::postern::v1::JobState;
use prost_types::Struct;
use serde_json::Value;
use tonic::{Request, Response, Status};

use super::super::get::job_id;
use super::super::problem::{Problem, Violation};
use super::super::{convert, payload};
use super::{Admin, operator, reason};
use crate::job::{Conclusion, JobId, Operator, RESULT_BYTES_MAX, Timestamp};
use crate::store::operator::{Concluded, Ending};

impl Admin {
    pub(super) async fn end(
        &self,
        request: Request<EndJobRequest>,
    ) -> Result<Response<EndJobResponse>, Status> {
        let operator = operator(&request)?;
        let request = request.into_inner();
        let id = job_id(&request.job_id)?;
        let ending = ending(request)?;
        self.ended(&operator, id, &ending).await?;
        Ok(Response::new(EndJobResponse {
            job: Some(self.job(id).await?),
        }))
    }

    pub(super) async fn ended(&self, operator: &Operator, id: JobId, ending: &Ending) -> Result<(), Problem> {
        let face = self.0.store.operator();
        let found = face.conclude(operator, id, ending, Timestamp::now()).await?;
        match found.ok_or_else(Problem::job_not_found)? {
            Concluded::Done(_) => Ok(()),
            Concluded::TooLate(job) => Err(Problem::job_terminal(convert::state(job.state))),
        }
    }
}

/// How the job is to be ended, or all that is wrong with it.
fn ending(request: EndJobRequest) -> Result<Ending, Problem> {
    let mut violations = Vec::new();
    reason::note_faults(&request.reason, &mut violations);
    let state = request.state();
    let conclusion = match state {
        JobState::Succeeded => Some(Conclusion::Succeeded),
        JobState::Failed => Some(failed(&request.reason)),
        JobState::Unspecified
        | JobState::Queued
        | JobState::Running
        | JobState::Cancelled
        | JobState::Expired => {
            let description = "must be JOB_STATE_FAILED or JOB_STATE_SUCCEEDED";
            violations.push(Violation::new("/state", "INVALID_VALUE", description));
            None
        }
    };
    if request.result.is_some() && state != JobState::Succeeded {
        let description = "only what succeeded has one";
        violations.push(Violation::new("/result", "INVALID_VALUE", description));
    }
    let result = request.result.and_then(|result| text(result, &mut violations));
    match conclusion {
        Some(conclusion) if violations.is_empty() => Ok(Ending {
            conclusion,
            reason: request.reason,
            result,
        }),
        _ => Err(Problem::invalid_request(violations)),
    }
}

/// That a job will not be done.
pub(super) fn failed(reason: &str) -> Conclusion {
    Conclusion::Failed {
        reason: reason.to_owned(),
    }
}

/// A result as JSON text, held against what outcomes are held against.
fn text(result: Struct, violations: &mut Vec<Violation>) -> Option<String> {
    match payload::to_json(result, "/result") {
        Ok(object) => {
            let text = Value::Object(object).to_string();
            if text.len() > RESULT_BYTES_MAX {
                let description = "at most 256 KiB as JSON are kept";
                violations.push(Violation::new("/result", "TOO_LONG", description));
            }
            Some(text)
        }
        Err(found) => {
            violations.extend(found);
            None
        }
    }
}
