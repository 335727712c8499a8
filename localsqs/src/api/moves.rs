//! `StartMessageMoveTask`, `ListMessageMoveTasks`, `CancelMessageMoveTask`, `ListDeadLetterSourceQueues`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Api;
use super::parameters::{read, whole, within};
use super::queues::{List, url};
use crate::fault::Fault;
use crate::queue::{QueueName, arn, queue_of};
use crate::store::{BeginMove, CancelMove, ListMoves, ListSources, Move, MoveId, MovePart};
use crate::wire::Caller;

/// What `ListMessageMoveTasks` answers at most.
const TASKS_MAX: u32 = 10;
const PER_SECOND_MAX: u32 = 500;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MoveTask {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    task_handle: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    max_number_of_messages_per_second: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    max_results: Option<i64>,
}

/// What a task handle says; opaque to clients.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    task_id: i64,
    source_arn: String,
}

impl Api {
    /// Answered when everything is moved: the next part is asked for as soon as the last one is on disk.
    pub(super) async fn start_message_move_task(&self, parameters: Value) -> Result<Value, Fault> {
        let request: MoveTask = read(parameters)?;
        let source = request.source()?;
        let destination = request
            .destination_arn
            .as_deref()
            .map(|arn| named(arn, "DestinationArn"));
        let per_second_max = request
            .max_number_of_messages_per_second
            .map(|number| within("MaxNumberOfMessagesPerSecond", number, 1..=PER_SECOND_MAX))
            .transpose()?;
        let begin = BeginMove {
            source: source.clone(),
            destination: destination.transpose()?,
            per_second_max,
        };
        let task = self.store.run(begin).await?;
        let part = || MovePart {
            source: source.clone(),
            task,
        };
        while !self.shutdown.is_cancelled() && self.store.run(part()).await? {}
        Ok(json!({ "TaskHandle": handle(task, request.source_arn.unwrap_or_default()) }))
    }

    pub(super) async fn list_message_move_tasks(
        &self,
        parameters: Value,
        caller: &Caller,
    ) -> Result<Value, Fault> {
        let request: MoveTask = read(parameters)?;
        let source = request.source()?;
        let limit = within("MaxResults", request.max_results.unwrap_or(1), 1..=TASKS_MAX)?;
        let tasks = self
            .store
            .run(ListMoves {
                source: source.clone(),
                limit,
            })
            .await?;
        let source = arn(&caller.region, &source);
        let results: Vec<_> = tasks
            .into_iter()
            .map(|task| entry(task, &source, caller))
            .collect();
        Ok(json!({ "Results": results }))
    }

    pub(super) async fn cancel_message_move_task(&self, parameters: Value) -> Result<Value, Fault> {
        let request: MoveTask = read(parameters)?;
        let text = request.task_handle.ok_or(Fault::MissingParameter("TaskHandle"))?;
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let handle: Handle = serde_json::from_slice(&bytes).map_err(|_not_ours| {
            Fault::InvalidParameterValue("Value for parameter TaskHandle is invalid.".into())
        })?;
        let cancel = CancelMove {
            source: named(&handle.source_arn, "SourceArn")?,
            task: MoveId(handle.task_id),
        };
        let moved = self.store.run(cancel).await?;
        Ok(json!({ "ApproximateNumberOfMessagesMoved": moved }))
    }

    pub(super) async fn list_dead_letter_source_queues(
        &self,
        parameters: Value,
        caller: &Caller,
    ) -> Result<Value, Fault> {
        let mut request: List = read(parameters)?;
        let queue = QueueName::from_url(request.queue_url.as_deref().unwrap_or_default())?;
        let (after, limit) = (request.after()?, request.limit()?);
        let mut names = self.store.run(ListSources(queue)).await?;
        names.retain(|name| name.as_str() > after.as_str());
        names.truncate(limit as usize);
        let mut answer =
            json!({ "queueUrls": names.iter().map(|name| url(caller, name)).collect::<Vec<_>>() });
        if let Some(next) = request.next(&names)? {
            answer["NextToken"] = next.into();
        }
        Ok(answer)
    }
}

impl MoveTask {
    fn source(&self) -> Result<QueueName, Fault> {
        let arn = self.source_arn.as_deref();
        named(arn.ok_or(Fault::MissingParameter("SourceArn"))?, "SourceArn")
    }
}

fn named(arn: &str, parameter: &'static str) -> Result<QueueName, Fault> {
    queue_of(arn).ok_or_else(|| Fault::no_resource(parameter))
}

fn handle(task: MoveId, source_arn: String) -> String {
    let handle = Handle {
        task_id: task.0,
        source_arn,
    };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&handle).expect("a number and a string are JSON"))
}

/// As with AWS, only a task that can be cancelled has a handle.
fn entry(task: Move, source: &str, caller: &Caller) -> Value {
    let mut entry = json!({
        "Status": task.status,
        "SourceArn": source,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": task.started_at.0,
    });
    if task.is_running() {
        entry["TaskHandle"] = handle(task.id, source.to_owned()).into();
    }
    if let Some(destination) = &task.destination {
        entry["DestinationArn"] = arn(&caller.region, destination).into();
    }
    if let Some(number) = task.per_second_max {
        entry["MaxNumberOfMessagesPerSecond"] = number.into();
    }
    if let Some(failure) = task.failure {
        entry["FailureReason"] = failure.into();
    }
    entry
}
