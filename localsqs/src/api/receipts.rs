//! `DeleteMessage`, `ChangeMessageVisibility`, and both in batches.

use serde::Deserialize;
use serde_json::Value;

use super::parameters::{read, whole, within};
use super::{Api, batch, nothing};
use crate::fault::Fault;
use crate::queue::QueueName;
use crate::receipt::Receipt;
use crate::store::{ChangeVisibility, Delete};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    #[serde(default)]
    queue_url: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// One message in flight, alone or in a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    receipt_handle: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    visibility_timeout: Option<i64>,
}

impl Api {
    pub(super) async fn delete_message(&self, parameters: Value) -> Result<Value, Fault> {
        let request: One = read(parameters)?;
        let queue = QueueName::from_url(&request.queue_url)?;
        let receipt = request.entry.receipt()?;
        let applied = self
            .store
            .run(Delete {
                queue,
                receipts: vec![receipt],
            })
            .await?;
        applied
            .into_iter()
            .collect::<Result<(), Fault>>()
            .map(|()| nothing())
    }

    pub(super) async fn delete_message_batch(&self, parameters: Value) -> Result<Value, Fault> {
        let request: Batch = read(parameters)?;
        let (queue, ids) = request.check()?;
        let entries: Vec<_> = request.entries.iter().map(Entry::receipt).collect();
        let receipts = entries.iter().flatten().copied().collect();
        let applied = self.store.run(Delete { queue, receipts }).await?;
        let outcomes = batch::merge(entries, applied).map(|outcome| outcome.map(|_| nothing()));
        Ok(batch::answer(ids.into_iter().zip(outcomes)))
    }

    pub(super) async fn change_message_visibility(&self, parameters: Value) -> Result<Value, Fault> {
        let request: One = read(parameters)?;
        let queue = QueueName::from_url(&request.queue_url)?;
        let change = request.entry.change()?;
        let applied = self
            .store
            .run(ChangeVisibility {
                queue,
                changes: vec![change],
            })
            .await?;
        applied
            .into_iter()
            .collect::<Result<(), Fault>>()
            .map(|()| nothing())
    }

    pub(super) async fn change_message_visibility_batch(&self, parameters: Value) -> Result<Value, Fault> {
        let request: Batch = read(parameters)?;
        let (queue, ids) = request.check()?;
        let entries: Vec<_> = request.entries.iter().map(Entry::change).collect();
        let changes = entries.iter().flatten().copied().collect();
        let applied = self.store.run(ChangeVisibility { queue, changes }).await?;
        let outcomes = batch::merge(entries, applied).map(|outcome| outcome.map(|_| nothing()));
        Ok(batch::answer(ids.into_iter().zip(outcomes)))
    }
}

impl Batch {
    fn check(&self) -> Result<(QueueName, Vec<String>), Fault> {
        let queue = QueueName::from_url(&self.queue_url)?;
        batch::check(self.entries.iter().map(|entry| entry.id.as_str()))?;
        Ok((queue, self.entries.iter().map(|entry| entry.id.clone()).collect()))
    }
}

impl Entry {
    fn receipt(&self) -> Result<Receipt, Fault> {
        Receipt::decode(
            self.receipt_handle
                .as_deref()
                .ok_or(Fault::MissingParameter("ReceiptHandle"))?,
        )
    }

    fn change(&self) -> Result<(Receipt, u32), Fault> {
        let receipt = self.receipt()?;
        let seconds = self
            .visibility_timeout
            .ok_or(Fault::MissingParameter("VisibilityTimeout"))?;
        Ok((receipt, within("VisibilityTimeout", seconds, 0..=43_200)?))
    }
}
