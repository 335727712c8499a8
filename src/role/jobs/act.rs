//! What operators do to jobs: to those that they name by a call each, to those of a filter in bulk.

use postern_proto::postern::admin::v1::{
    CancelJobRequest, EndJobRequest, Job, JobAction, RedriveJobRequest, RetryJobRequest,
};
use postern_proto::postern::v1::JobState;

use super::bulk;
use crate::cli::{Act, End, Ending};
use crate::operator::{Client, Error, Output, each, object, view};

pub(super) async fn cancel(client: &Client, output: &Output, act: Act) -> Result<(), Error> {
    if act.job_ids.is_empty() {
        return bulk::run(client, output, JobAction::Cancel, act).await;
    }
    let reason = act.reason;
    let verb = async |job_id| {
        let reason = reason.clone();
        let question = CancelJobRequest { job_id, reason };
        let answer = client.call(question, async |mut admin, request| {
            admin.cancel_job(request).await
        });
        Ok(answer.await?.job)
    };
    show(output, act.job_ids, verb).await
}

/// Shows the new jobs.
pub(super) async fn retry(client: &Client, output: &Output, act: Act) -> Result<(), Error> {
    if act.job_ids.is_empty() {
        return bulk::run(client, output, JobAction::Retry, act).await;
    }
    let reason = act.reason;
    let verb = async |job_id| {
        let reason = reason.clone();
        let question = RetryJobRequest { job_id, reason };
        let answer = client.call(question, async |mut admin, request| {
            admin.retry_job(request).await
        });
        Ok(answer.await?.job)
    };
    show(output, act.job_ids, verb).await
}

pub(super) async fn redrive(client: &Client, output: &Output, act: Act) -> Result<(), Error> {
    if act.job_ids.is_empty() {
        return bulk::run(client, output, JobAction::Redrive, act).await;
    }
    let reason = act.reason;
    let verb = async |job_id| {
        let reason = reason.clone();
        let question = RedriveJobRequest { job_id, reason };
        let answer = client.call(question, async |mut admin, request| {
            admin.redrive_job(request).await
        });
        Ok(answer.await?.job)
    };
    show(output, act.job_ids, verb).await
}

pub(super) async fn end(client: &Client, output: &Output, end: End) -> Result<(), Error> {
    let state = match end.ending {
        Ending::Failed => JobState::Failed,
        Ending::Succeeded => JobState::Succeeded,
    };
    if end.result.is_some() && state != JobState::Succeeded {
        return Err(Error::Usage(
            "--result is for what ends --as succeeded".to_owned(),
        ));
    }
    if state == JobState::Succeeded && end.act.job_ids.len() != 1 {
        let text =
            "--as succeeded is for one job at a time: somebody must know of each that its work is done";
        return Err(Error::Usage(text.to_owned()));
    }
    if end.act.job_ids.is_empty() {
        return bulk::run(client, output, JobAction::Fail, end.act).await;
    }
    let result = end.result.as_deref().map(object).transpose()?;
    let reason = end.act.reason;
    let verb = async |job_id| {
        let question = EndJobRequest {
            job_id,
            state: state.into(),
            reason: reason.clone(),
            result: result.clone(),
        };
        let answer = client.call(question, async |mut admin, request| admin.end_job(request).await);
        Ok(answer.await?.job)
    };
    show(output, end.act.job_ids, verb).await
}

async fn show(
    output: &Output,
    job_ids: Vec<String>,
    verb: impl AsyncFn(String) -> Result<Option<Job>, Error>,
) -> Result<(), Error> {
    let (done, result) = each(job_ids, verb).await;
    let jobs: Vec<_> = done.into_iter().flatten().collect();
    output.all(&jobs, view::jobs)?;
    result
}
