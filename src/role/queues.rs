//! `postern queues`: how things stand, and what is paused. `postern actions`: what operators did.

use postern_proto::postern::admin::v1::{
    GetStatusRequest, ListActionsRequest, ListPausesRequest, PauseDispatchRequest, ResumeDispatchRequest,
    pause_dispatch_request, resume_dispatch_request,
};

use crate::cli::{Actions, Queues, QueuesCommand, Subject};
use crate::config::Config;
use crate::console::remark;
use crate::operator::{Client, Error, Output, pages, view};

/// Does what was asked for.
///
/// # Errors
/// [`Error`] says what went wrong, by its exit code.
pub async fn run(config: &Config, queues: Queues) -> anyhow::Result<()> {
    let output = Output::new(queues.access.json);
    let client = Client::connect(config, &queues.access).await?;
    match queues.command {
        None => status(&client, &output).await?,
        Some(QueuesCommand::Pause(subject)) => pause(&client, &output, subject).await?,
        Some(QueuesCommand::Resume(subject)) => resume(&client, subject).await?,
        Some(QueuesCommand::Pauses) => pauses(&client, &output).await?,
    }
    Ok(())
}

/// Shows what operators did.
///
/// # Errors
/// [`Error`] says what went wrong, by its exit code.
pub async fn actions(config: &Config, actions: Actions) -> anyhow::Result<()> {
    let client = Client::connect(config, &actions.access).await?;
    let found = pages(actions.limit, async |page_size, page_token| {
        let question = ListActionsRequest {
            page_size,
            page_token,
        };
        let page = client
            .call(question, async |mut admin, request| {
                admin.list_actions(request).await
            })
            .await?;
        Ok((page.actions, page.next_page_token))
    });
    let found = found.await?;
    Ok(found.show(&Output::new(actions.access.json), "actions", view::actions)?)
}

async fn status(client: &Client, output: &Output) -> Result<(), Error> {
    let answer = client.call(GetStatusRequest {}, async |mut admin, request| {
        admin.get_status(request).await
    });
    output.one(&answer.await?, view::status)
}

async fn pause(client: &Client, output: &Output, subject: Subject) -> Result<(), Error> {
    let question = PauseDispatchRequest {
        reason: subject.reason,
        subject: subject
            .job_type
            .map(pause_dispatch_request::Subject::JobType)
            .or(subject.partner.map(pause_dispatch_request::Subject::PartnerId)),
    };
    let answer = client.call(question, async |mut admin, request| {
        admin.pause_dispatch(request).await
    });
    let pauses: Vec<_> = answer.await?.pause.into_iter().collect();
    output.all(&pauses, view::pauses)
}

async fn resume(client: &Client, subject: Subject) -> Result<(), Error> {
    let question = ResumeDispatchRequest {
        reason: subject.reason,
        subject: subject
            .job_type
            .map(resume_dispatch_request::Subject::JobType)
            .or(subject.partner.map(resume_dispatch_request::Subject::PartnerId)),
    };
    let answer = client.call(question, async |mut admin, request| {
        admin.resume_dispatch(request).await
    });
    answer.await?;
    remark("not paused");
    Ok(())
}

async fn pauses(client: &Client, output: &Output) -> Result<(), Error> {
    let answer = client.call(ListPausesRequest {}, async |mut admin, request| {
        admin.list_pauses(request).await
    });
    let pauses = answer.await?.pauses;
    if pauses.is_empty() {
        remark("nothing is paused");
    }
    output.all(&pauses, view::pauses)
}
