//! What operators do to jobs.

use postern_proto::postern::admin::v1::{CancelJobRequest, Job};

use crate::cli::Act;
use crate::console::{escape_lines, remark};
use crate::operator::{Client, Error, Output, view};

pub(super) async fn cancel(client: &Client, output: &Output, act: Act) -> Result<(), Error> {
    let verb = async |job_id| {
        let question = CancelJobRequest {
            job_id,
            reason: act.reason.clone(),
        };
        let answer = client.call(question, async |mut admin, request| {
            admin.cancel_job(request).await
        });
        Ok(answer.await?.job)
    };
    each(output, act.job_ids, verb).await
}

/// One after the other. What went wrong with one keeps no other from it; of one alone it is the error.
async fn each(
    output: &Output,
    job_ids: Vec<String>,
    verb: impl AsyncFn(String) -> Result<Option<Job>, Error>,
) -> Result<(), Error> {
    let count = job_ids.len();
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    for job_id in job_ids {
        match verb(job_id.clone()).await {
            Ok(job) => done.extend(job),
            Err(error) if count == 1 => return Err(error),
            Err(error) => {
                remark(&escape_lines(&format!("{job_id}: {error}")));
                errors.push(error);
            }
        }
    }
    output.all(&done, view::jobs)?;
    match errors.len() {
        0 => Ok(()),
        failed => Err(Error::Failed(format!("{failed} of {count} jobs: refused"))),
    }
}
