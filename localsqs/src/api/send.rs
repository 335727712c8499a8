//! `SendMessage` and `SendMessageBatch`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::{read, whole};
use super::{Api, batch};
use crate::fault::Fault;
use crate::message::{Draft, Offer, RawAttribute, md5_of_attributes, md5_of_body, md5_of_trace_header};
use crate::queue::{MESSAGE_BYTES_MAX, QueueName};
use crate::store::SendMessages;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    #[serde(default)]
    queue_url: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// One message, alone or in a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    message_body: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, RawAttribute>>,
    message_system_attributes: Option<BTreeMap<String, RawAttribute>>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

impl Api {
    pub(super) async fn send_message(&self, parameters: Value) -> Result<Value, Fault> {
        let request: SendMessage = read(parameters)?;
        let queue = QueueName::from_url(&request.queue_url)?;
        let draft = Draft::parse(request.entry.into())?;
        let receipt = receipt(&draft);
        let sent = self
            .store
            .run(SendMessages {
                queue,
                drafts: vec![draft],
            })
            .await?;
        sent.into_iter()
            .next()
            .unwrap_or(Err(Fault::Internal))
            .map(|()| receipt)
    }

    pub(super) async fn send_message_batch(&self, parameters: Value) -> Result<Value, Fault> {
        let request: SendMessageBatch = read(parameters)?;
        let queue = QueueName::from_url(&request.queue_url)?;
        batch::check(request.entries.iter().map(|entry| entry.id.as_str()))?;
        let mut ids = Vec::with_capacity(request.entries.len());
        let mut drafts = Vec::with_capacity(request.entries.len());
        let mut receipts = Vec::with_capacity(request.entries.len());
        for mut entry in request.entries {
            ids.push(std::mem::take(&mut entry.id));
            receipts.push(Draft::parse(entry.into()).map(|draft| {
                let receipt = receipt(&draft);
                drafts.push(draft);
                receipt
            }));
        }
        check_size(&drafts)?;
        let sent = self.store.run(SendMessages { queue, drafts }).await?;
        Ok(batch::answer(ids.into_iter().zip(batch::merge(receipts, sent))))
    }
}

impl From<Entry> for Offer {
    fn from(entry: Entry) -> Self {
        Self {
            body: entry.message_body,
            delay_seconds: entry.delay_seconds,
            attributes: entry.message_attributes.unwrap_or_default(),
            system_attributes: entry.message_system_attributes.unwrap_or_default(),
            group: entry.message_group_id,
            deduplication: entry.message_deduplication_id,
        }
    }
}

fn check_size(drafts: &[Draft]) -> Result<(), Fault> {
    let max_bytes = MESSAGE_BYTES_MAX as usize;
    let sent_bytes = drafts.iter().map(Draft::size_bytes).sum();
    if sent_bytes > max_bytes {
        Err(Fault::BatchRequestTooLong {
            max_bytes,
            sent_bytes,
        })
    } else {
        Ok(())
    }
}

/// What the sender gets once the message is stored.
fn receipt(draft: &Draft) -> Value {
    let mut receipt = json!({ "MessageId": draft.id, "MD5OfMessageBody": md5_of_body(&draft.body) });
    if let Some(digest) = md5_of_attributes(&draft.attributes) {
        receipt["MD5OfMessageAttributes"] = digest.into();
    }
    if let Some(header) = &draft.trace_header {
        receipt["MD5OfMessageSystemAttributes"] = md5_of_trace_header(header).into();
    }
    receipt
}
