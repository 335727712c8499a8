//! The domain's types as the API's messages.

use postern_proto::google::rpc::bad_request::FieldViolation;
use postern_proto::google::rpc::{BadRequest, ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1 as pb;
use prost_types::{Struct, Timestamp as ProtoTimestamp};

use super::payload;
use super::problem::any;
use crate::job::{Failure, Job, JobId, Progress, State, Timestamp};

/// A job as its partner sees it, without its result.
pub(super) fn job(job: &Job) -> pb::Job {
    pb::Job {
        job_id: job.id.to_string(),
        job_type: job.job_type.clone(),
        job_type_version: job.job_type_version.clone(),
        state: state(job.state).into(),
        revision: job.revision,
        result: None,
        error: job.failure.as_ref().map(failure),
        progress: job.progress.as_ref().map(progress),
        dispatch: job.dispatch,
        cancel_requested: job.cancel_requested,
        labels: job.labels.clone().into_iter().collect(),
        attachments: Vec::new(),
        outputs: Vec::new(),
        request_id: job.request_id.clone().unwrap_or_default(),
        retried_from: optional_id(job.retried_from),
        retried_by: optional_id(job.retried_by),
        create_time: Some(timestamp(job.create_time)),
        start_time: job.start_time.map(timestamp),
        update_time: Some(timestamp(job.update_time)),
        end_time: job.end_time.map(timestamp),
        deadline: Some(timestamp(job.deadline)),
        purge_time: job.purge_time.map(timestamp),
    }
}

/// A result as it is stored: a JSON object.
pub(super) fn result(json: &str) -> Result<Struct, serde_json::Error> {
    Ok(payload::from_json(serde_json::from_str(json)?))
}

/// A state's name in the API.
pub(super) const fn state(state: State) -> pb::JobState {
    match state {
        State::Queued => pb::JobState::Queued,
        State::Running => pb::JobState::Running,
        State::Succeeded => pb::JobState::Succeeded,
        State::Failed => pb::JobState::Failed,
        State::Cancelled => pb::JobState::Cancelled,
        State::Expired => pb::JobState::Expired,
    }
}

/// The state of this number in the API, if it is one.
pub(super) fn state_from(number: i32) -> Option<State> {
    State::ALL
        .into_iter()
        .find(|candidate| i32::from(state(*candidate)) == number)
}

/// The time to the millisecond, if it can be represented.
pub(super) fn timestamp_from(time: &ProtoTimestamp) -> Option<Timestamp> {
    let millis = time
        .seconds
        .checked_mul(1000)?
        .checked_add(i64::from(time.nanos) / 1_000_000)?;
    (0..1_000_000_000)
        .contains(&time.nanos)
        .then(|| Timestamp::from_millis(millis))
}

/// A duration in milliseconds, if it is positive and can be represented.
pub(super) fn millis_from(duration: &prost_types::Duration) -> Option<i64> {
    let millis = duration
        .seconds
        .checked_mul(1000)?
        .checked_add(i64::from(duration.nanos) / 1_000_000)?;
    (millis > 0 && duration.nanos >= 0).then_some(millis)
}

/// So many milliseconds as a duration.
pub(super) fn duration(millis: i64) -> prost_types::Duration {
    let nanos = i32::try_from(millis.rem_euclid(1000)).expect("below 1000") * 1_000_000;
    prost_types::Duration {
        seconds: millis.div_euclid(1000),
        nanos,
    }
}

/// A point in time.
pub(super) fn timestamp(time: Timestamp) -> ProtoTimestamp {
    let of_millis = duration(time.millis());
    ProtoTimestamp {
        seconds: of_millis.seconds,
        nanos: of_millis.nanos,
    }
}

fn progress(progress: &Progress) -> pb::Progress {
    pb::Progress {
        completed: progress.completed,
        total: progress.total,
        message: progress.message.clone(),
    }
}

fn failure(failure: &Failure) -> RpcStatus {
    let info = ErrorInfo {
        reason: failure.reason.clone(),
        domain: "postern".to_owned(),
        metadata: [].into(),
    };
    let mut details = vec![any(&info)];
    if !failure.violations.is_empty() {
        let field_violations = failure.violations.iter().map(|violation| FieldViolation {
            field: violation.field.clone(),
            description: violation.description.clone(),
            ..Default::default()
        });
        details.push(any(&BadRequest {
            field_violations: field_violations.collect(),
        }));
    }
    RpcStatus {
        code: failure.code as i32,
        message: failure.message.clone(),
        details,
    }
}

fn optional_id(id: Option<JobId>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
