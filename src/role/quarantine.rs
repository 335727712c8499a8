//! `postern quarantine`: messages that could not be used, and what becomes of them.

use std::io::Write as _;

use postern_proto::postern::admin::v1::{
    DropQuarantinedMessageRequest, GetQuarantinedMessageRequest, ListQuarantinedMessagesRequest,
    QuarantinedMessage, ReplayQuarantinedMessageRequest,
};

use crate::cli::{Letters, Quarantine, QuarantineCommand};
use crate::config::Config;
use crate::console::remark;
use crate::operator::{Client, Error, Output, each, pages, view};

/// Does what was asked for.
///
/// # Errors
/// [`Error`] says what went wrong, by its exit code.
pub async fn run(config: &Config, quarantine: Quarantine) -> anyhow::Result<()> {
    let output = Output::new(quarantine.access.json);
    let client = Client::connect(config, &quarantine.access).await?;
    match quarantine.command {
        QuarantineCommand::List { limit } => list(&client, &output, limit).await?,
        QuarantineCommand::Get { quarantine_id, body } => get(&client, &output, quarantine_id, body).await?,
        QuarantineCommand::Replay(letters) => replay(&client, &output, letters).await?,
        QuarantineCommand::Drop(letters) => discard(&client, letters).await?,
    }
    Ok(())
}

async fn list(client: &Client, output: &Output, limit: u32) -> Result<(), Error> {
    let found = pages(limit, async |page_size, page_token| {
        let question = ListQuarantinedMessagesRequest {
            page_size,
            page_token,
        };
        let page = client
            .call(question, async |mut admin, request| {
                admin.list_quarantined_messages(request).await
            })
            .await?;
        Ok((page.messages, page.next_page_token))
    });
    found.await?.show(output, "messages", view::quarantined)
}

async fn get(client: &Client, output: &Output, quarantine_id: String, body: bool) -> Result<(), Error> {
    let question = GetQuarantinedMessageRequest { quarantine_id };
    let answer = client.call(question, async |mut admin, request| {
        admin.get_quarantined_message(request).await
    });
    let message = answer.await?.message.unwrap_or_default();
    if !body {
        return output.one(&message, view::quarantined_message);
    }
    std::io::stdout()
        .write_all(&message.body)
        .map_err(|error| Error::Failed(format!("standard output: {error}")))
}

async fn replay(client: &Client, output: &Output, letters: Letters) -> Result<(), Error> {
    let verb = async |quarantine_id| {
        let question = ReplayQuarantinedMessageRequest {
            quarantine_id,
            reason: letters.reason.clone(),
        };
        let answer = client.call(question, async |mut admin, request| {
            admin.replay_quarantined_message(request).await
        });
        Ok(answer.await?.message)
    };
    let (done, result) = each(letters.quarantine_ids, verb).await;
    let messages: Vec<QuarantinedMessage> = done.into_iter().flatten().collect();
    output.all(&messages, view::quarantined)?;
    result
}

/// There is nothing to show of what is gone.
async fn discard(client: &Client, letters: Letters) -> Result<(), Error> {
    let verb = async |quarantine_id| {
        let question = DropQuarantinedMessageRequest {
            quarantine_id,
            reason: letters.reason.clone(),
        };
        let answer = client.call(question, async |mut admin, request| {
            admin.drop_quarantined_message(request).await
        });
        answer.await.map(drop)
    };
    let (done, result) = each(letters.quarantine_ids, verb).await;
    remark(&format!("{} dropped", done.len()));
    result
}
