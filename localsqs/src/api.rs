//! The actions of SQS: reads their parameters, has the store do what they mean, words the answer. Knows neither SQL
//! nor in which protocol it is spoken to.

mod batch;
mod moves;
mod parameters;
mod queues;
mod receipts;
mod receive;
mod send;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::line::Lines;
use crate::store::Store;
use crate::wire::Call;

/// Answers calls.
pub(crate) struct Api {
    store: Store,
    lines: Arc<Lines>,
    /// One permit for every receiver that may wait.
    waiting: Semaphore,
    shutdown: CancellationToken,
}

impl Api {
    pub(crate) fn new(
        store: Store,
        lines: Arc<Lines>,
        waiting: Semaphore,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            store,
            lines,
            waiting,
            shutdown,
        }
    }

    /// The result in the shape of the JSON protocol; an empty object for actions that have none.
    pub(crate) async fn answer(&self, call: Call) -> Result<Value, Fault> {
        let Call {
            action,
            parameters,
            caller,
        } = call;
        match action.as_str() {
            "CreateQueue" => self.create_queue(parameters, &caller).await,
            "GetQueueUrl" => self.get_queue_url(parameters, &caller).await,
            "ListQueues" => self.list_queues(parameters, &caller).await,
            "GetQueueAttributes" => self.get_queue_attributes(parameters, &caller).await,
            "SetQueueAttributes" => self.set_queue_attributes(parameters).await,
            "PurgeQueue" => self.purge_queue(parameters).await,
            "DeleteQueue" => self.delete_queue(parameters).await,
            "SendMessage" => self.send_message(parameters).await,
            "SendMessageBatch" => self.send_message_batch(parameters).await,
            "ReceiveMessage" => self.receive_message(parameters, &caller).await,
            "DeleteMessage" => self.delete_message(parameters).await,
            "DeleteMessageBatch" => self.delete_message_batch(parameters).await,
            "ChangeMessageVisibility" => self.change_message_visibility(parameters).await,
            "ChangeMessageVisibilityBatch" => self.change_message_visibility_batch(parameters).await,
            "ListDeadLetterSourceQueues" => self.list_dead_letter_source_queues(parameters, &caller).await,
            "StartMessageMoveTask" => self.start_message_move_task(parameters).await,
            "ListMessageMoveTasks" => self.list_message_move_tasks(parameters, &caller).await,
            "CancelMessageMoveTask" => self.cancel_message_move_task(parameters).await,
            _ if NOT_HERE.contains(&action.as_str()) => Err(Fault::UnsupportedOperation(format!(
                "{action} is not supported by this endpoint."
            ))),
            _ => Err(Fault::InvalidAction(action)),
        }
    }
}

/// Actions that SQS has and this endpoint has not.
const NOT_HERE: [&str; 5] = [
    "AddPermission",
    "ListQueueTags",
    "RemovePermission",
    "TagQueue",
    "UntagQueue",
];

/// The answer of actions that have no result.
fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}
