//! `CreateQueue`, `GetQueueUrl`, `ListQueues`, `GetQueueAttributes`, `SetQueueAttributes`, `PurgeQueue`, `DeleteQueue`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::parameters::{read, whole, within};
use super::{Api, nothing};
use crate::fault::Fault;
use crate::queue::{ACCOUNT, QueueName, arn};
use crate::store::{
    CreateQueue, DeleteQueue, FindQueue, ListQueues, PurgeQueue, QueueView, SetSettings, ViewQueue,
};
use crate::wire::Caller;

/// What `ListQueues` answers at most, and without `MaxResults`.
const LIST_MAX: u32 = 1_000;

/// Attributes that AWS has and that no queue here has: they may be asked for, and are left out of the answer.
const ABSENT: [&str; 10] = [
    "Policy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "RedriveAllowPolicy",
    "RedrivePolicy",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NamedQueue {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// What actions ask that answer names of queues in pages.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    pub(super) queue_url: Option<String>,
    #[serde(default)]
    queue_name_prefix: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueAttributes {
    #[serde(default)]
    queue_url: String,
    attribute_names: Option<Vec<String>>,
    attributes: Option<BTreeMap<String, String>>,
}

impl Api {
    pub(super) async fn create_queue(&self, parameters: Value, caller: &Caller) -> Result<Value, Fault> {
        let request: NamedQueue = read(parameters)?;
        let name = request.name()?;
        self.store
            .run(CreateQueue {
                name: name.clone(),
                attributes: request.attributes,
            })
            .await?;
        Ok(json!({ "QueueUrl": url(caller, &name) }))
    }

    pub(super) async fn get_queue_url(&self, parameters: Value, caller: &Caller) -> Result<Value, Fault> {
        let request: NamedQueue = read(parameters)?;
        // Nothing is wrong with asking for a FIFO queue: there just is none.
        if request
            .queue_name
            .as_ref()
            .is_some_and(|name| name.ends_with(".fifo"))
        {
            return Err(Fault::QueueDoesNotExist);
        }
        let name = request.name()?;
        self.store.run(FindQueue(name.clone())).await?;
        Ok(json!({ "QueueUrl": url(caller, &name) }))
    }

    pub(super) async fn list_queues(&self, parameters: Value, caller: &Caller) -> Result<Value, Fault> {
        let mut request: List = read(parameters)?;
        let (after, limit) = (request.after()?, request.limit()?);
        let prefix = request.queue_name_prefix.take().unwrap_or_default();
        let names = self.store.run(ListQueues { prefix, after, limit }).await?;
        let mut answer = nothing();
        if let Some(next) = request.next(&names)? {
            answer["NextToken"] = next.into();
        }
        if !names.is_empty() {
            answer["QueueUrls"] = names.iter().map(|name| url(caller, name)).collect();
        }
        Ok(answer)
    }

    pub(super) async fn get_queue_attributes(
        &self,
        parameters: Value,
        caller: &Caller,
    ) -> Result<Value, Fault> {
        let request: QueueAttributes = read(parameters)?;
        let name = QueueName::from_url(&request.queue_url)?;
        let view = self.store.run(ViewQueue(name)).await?;
        let attributes = attributes(&view, caller);
        let selected = select(&attributes, &request.attribute_names.unwrap_or_default())?;
        Ok(if selected.is_empty() {
            nothing()
        } else {
            json!({ "Attributes": selected })
        })
    }

    pub(super) async fn set_queue_attributes(&self, parameters: Value) -> Result<Value, Fault> {
        let request: QueueAttributes = read(parameters)?;
        let name = QueueName::from_url(&request.queue_url)?;
        let attributes = request.attributes.ok_or(Fault::MissingParameter("Attributes"))?;
        self.store.run(SetSettings { name, attributes }).await?;
        Ok(nothing())
    }

    pub(super) async fn purge_queue(&self, parameters: Value) -> Result<Value, Fault> {
        let request: QueueAttributes = read(parameters)?;
        self.store
            .run(PurgeQueue(QueueName::from_url(&request.queue_url)?))
            .await?;
        Ok(nothing())
    }

    pub(super) async fn delete_queue(&self, parameters: Value) -> Result<Value, Fault> {
        let request: QueueAttributes = read(parameters)?;
        self.store
            .run(DeleteQueue(QueueName::from_url(&request.queue_url)?))
            .await?;
        Ok(nothing())
    }
}

impl NamedQueue {
    fn name(&self) -> Result<QueueName, Fault> {
        QueueName::parse(
            self.queue_name
                .as_deref()
                .ok_or(Fault::MissingParameter("QueueName"))?,
        )
    }
}

impl List {
    /// The last name of the page before.
    pub(super) fn after(&mut self) -> Result<String, Fault> {
        Ok(self.next_token.take().map(page).transpose()?.unwrap_or_default())
    }

    pub(super) fn limit(&self) -> Result<u32, Fault> {
        within(
            "MaxResults",
            self.max_results.unwrap_or(LIST_MAX.into()),
            1..=LIST_MAX,
        )
    }

    /// Where the next page begins. As with AWS, only who sets a page size gets pages.
    pub(super) fn next(&self, names: &[QueueName]) -> Result<Option<String>, Fault> {
        let is_full = self.max_results.is_some() && names.len() == self.limit()? as usize;
        Ok(names
            .last()
            .filter(|_| is_full)
            .map(|last| URL_SAFE_NO_PAD.encode(last.as_str())))
    }
}

pub(super) fn url(caller: &Caller, name: &QueueName) -> String {
    format!("http://{}/{ACCOUNT}/{}", caller.host, name.as_str())
}

fn page(token: String) -> Result<String, Fault> {
    let name = URL_SAFE_NO_PAD
        .decode(&token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| Fault::out_of_range(token, "NextToken", "it was not issued by this endpoint"))
}

fn attributes(view: &QueueView, caller: &Caller) -> Vec<(&'static str, String)> {
    let queue = &view.queue;
    let mut attributes = queue.settings.attributes();
    attributes.extend([
        ("QueueArn", arn(&caller.region, &queue.name)),
        ("CreatedTimestamp", queue.created_at.seconds().to_string()),
        ("LastModifiedTimestamp", queue.modified_at.seconds().to_string()),
        ("ApproximateNumberOfMessages", view.visible.to_string()),
        (
            "ApproximateNumberOfMessagesNotVisible",
            view.in_flight.to_string(),
        ),
        ("ApproximateNumberOfMessagesDelayed", view.delayed.to_string()),
    ]);
    attributes
}

fn select(attributes: &[(&'static str, String)], wanted: &[String]) -> Result<Map<String, Value>, Fault> {
    let is_known = |name: &str| {
        name == "All" || ABSENT.contains(&name) || attributes.iter().any(|(attribute, _)| *attribute == name)
    };
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        return Err(Fault::InvalidAttributeName(unknown.clone()));
    }
    let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted == "All" || wanted == name);
    let selected = attributes.iter().filter(|(name, _)| is_wanted(name));
    Ok(selected
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect())
}
