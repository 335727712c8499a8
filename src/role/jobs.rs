//! `postern jobs`: the jobs of all partners, seen and acted on through the operators' service.

mod act;
mod bulk;
mod watch;

use postern_proto::postern::admin::v1::{
    GetJobRequest, Job, JobFilter, ListJobEventsRequest, ListJobsRequest,
};

use crate::cli::{Jobs, JobsCommand};
use crate::config::Config;
use crate::operator::{Client, Error, Output, pages, view};

/// Does what was asked for.
///
/// # Errors
/// [`Error`] says what went wrong, by its exit code.
pub async fn run(config: &Config, jobs: Jobs) -> anyhow::Result<()> {
    let output = Output::new(jobs.access.json);
    let client = Client::connect(config, &jobs.access).await?;
    match jobs.command {
        JobsCommand::List { filter, limit } => list(&client, &output, filter.to_proto(), limit).await?,
        JobsCommand::Get { job_id, payload } => get(&client, &output, job_id, payload).await?,
        JobsCommand::Events { job_id } => events(&client, &output, job_id).await?,
        JobsCommand::Watch {
            job_id: Some(job_id), ..
        } => watch::one(&client, &output, job_id).await?,
        JobsCommand::Watch { filter, limit, .. } => {
            watch::many(&client, &output, filter.to_proto(), limit).await?;
        }
        JobsCommand::Cancel(act) => act::cancel(&client, &output, act).await?,
        JobsCommand::Retry(act) => act::retry(&client, &output, act).await?,
        JobsCommand::Redrive(act) => act::redrive(&client, &output, act).await?,
        JobsCommand::End(end) => act::end(&client, &output, end).await?,
    }
    Ok(())
}

async fn list(client: &Client, output: &Output, filter: JobFilter, limit: u32) -> Result<(), Error> {
    let found = pages(limit, async |page_size, page_token| {
        page(client, filter.clone(), page_size, page_token).await
    });
    found.await?.show(output, "jobs", view::jobs)
}

/// At most so many jobs, and where to go on.
async fn page(
    client: &Client,
    filter: JobFilter,
    page_size: i32,
    page_token: String,
) -> Result<(Vec<Job>, String), Error> {
    let question = ListJobsRequest {
        filter: Some(filter),
        page_size,
        page_token,
    };
    let answer = client
        .call(question, async |mut admin, request| {
            admin.list_jobs(request).await
        })
        .await?;
    Ok((answer.jobs, answer.next_page_token))
}

async fn get(client: &Client, output: &Output, job_id: String, include_payload: bool) -> Result<(), Error> {
    output.one(&read(client, job_id, include_payload).await?, view::job)
}

/// A job as it is now.
async fn read(client: &Client, job_id: String, include_payload: bool) -> Result<Job, Error> {
    let question = GetJobRequest {
        job_id,
        include_payload,
    };
    let answer = client
        .call(question, async |mut admin, request| admin.get_job(request).await)
        .await?;
    Ok(answer.job.unwrap_or_default())
}

async fn events(client: &Client, output: &Output, job_id: String) -> Result<(), Error> {
    let found = pages(u32::MAX, async |page_size, page_token| {
        let question = ListJobEventsRequest {
            job_id: job_id.clone(),
            page_size,
            page_token,
        };
        let page = client
            .call(question, async |mut admin, request| {
                admin.list_job_events(request).await
            })
            .await?;
        Ok((page.events, page.next_page_token))
    });
    found.await?.show(output, "entries", view::events)
}
