//! A consumer that does what a test says: the plain AWS SDK, as any consumer in any language.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use serde_json::{Value, json};

use crate::world::SOON;

/// Both queues of a stack.
#[derive(Clone)]
pub(crate) struct Consumer {
    pub(crate) client: Client,
    pub(crate) jobs: String,
    pub(crate) results: String,
}

/// A task as it came.
pub(crate) struct Task {
    pub(crate) body: Value,
    pub(crate) message: Message,
}

impl Consumer {
    /// To the queues of a stack.
    pub(crate) async fn connect(endpoint: &str) -> Self {
        let client = client(endpoint);
        let url = async |name: &str| {
            client
                .get_queue_url()
                .queue_name(name)
                .send()
                .await
                .unwrap()
                .queue_url
                .unwrap()
        };
        let (jobs, results) = (url("postern-jobs").await, url("postern-results").await);
        Self {
            client,
            jobs,
            results,
        }
    }

    /// Makes the queues first, as whoever operates a production installation does.
    pub(crate) async fn create(endpoint: &str) -> Self {
        let client = client(endpoint);
        for name in ["postern-jobs", "postern-results"] {
            client.create_queue().queue_name(name).send().await.unwrap();
        }
        Self::connect(endpoint).await
    }

    /// The next task, taken off the queue.
    pub(crate) async fn task(&self) -> Task {
        let task = self.receive().await.expect("no task came");
        self.delete(&task).await;
        task
    }

    /// The next task, left in flight; none when none comes in time.
    pub(crate) async fn receive(&self) -> Option<Task> {
        let reply = self
            .client
            .receive_message()
            .queue_url(&self.jobs)
            .wait_time_seconds(i32::try_from(SOON.as_secs()).unwrap())
            .message_attribute_names("All")
            .send()
            .await
            .unwrap();
        let message = reply.messages.unwrap_or_default().into_iter().next()?;
        Some(Task {
            body: serde_json::from_str(message.body().unwrap()).unwrap(),
            message,
        })
    }

    /// As a consumer does that stops before it began.
    pub(crate) async fn give_back(&self, task: &Task) {
        let receipt = task.message.receipt_handle().unwrap();
        self.client
            .change_message_visibility()
            .queue_url(&self.jobs)
            .receipt_handle(receipt)
            .visibility_timeout(0)
            .send()
            .await
            .unwrap();
    }

    /// From now on a task is received once, and the next time found received too often.
    pub(crate) async fn die_at_first(&self) {
        let name = QueueAttributeName::RedrivePolicy;
        let read = self.client.get_queue_attributes().queue_url(&self.jobs);
        let reply = read.attribute_names(name.clone()).send().await.unwrap();
        let mut policy: Value = serde_json::from_str(&reply.attributes().unwrap()[&name]).unwrap();
        policy["maxReceiveCount"] = json!(1);
        let write = self.client.set_queue_attributes().queue_url(&self.jobs);
        write.attributes(name, policy.to_string()).send().await.unwrap();
    }

    /// Looks for a task, and finds none.
    pub(crate) async fn look(&self) {
        let look = self.client.receive_message().queue_url(&self.jobs).send();
        assert!(look.await.unwrap().messages.unwrap_or_default().is_empty());
    }

    pub(crate) async fn delete(&self, task: &Task) {
        let receipt = task.message.receipt_handle().unwrap();
        self.client
            .delete_message()
            .queue_url(&self.jobs)
            .receipt_handle(receipt)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn send(&self, outcome: &Value) {
        self.send_text(&outcome.to_string()).await;
    }

    pub(crate) async fn send_text(&self, body: &str) {
        self.client
            .send_message()
            .queue_url(&self.results)
            .message_body(body)
            .send()
            .await
            .unwrap();
    }

    /// An outcome that the server received and did not delete comes again after so long.
    pub(crate) async fn hide_results_for(&self, seconds: u32) {
        self.client
            .set_queue_attributes()
            .queue_url(&self.results)
            .attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string())
            .send()
            .await
            .unwrap();
    }

    /// Waits until the server has received every outcome, whether it dealt with it or not.
    pub(crate) async fn received(&self) {
        let deadline = tokio::time::Instant::now() + SOON;
        while self
            .attribute(QueueAttributeName::ApproximateNumberOfMessages)
            .await
            != "0"
        {
            assert!(
                tokio::time::Instant::now() < deadline,
                "an outcome is not received"
            );
            tokio::task::yield_now().await;
        }
    }

    async fn attribute(&self, name: QueueAttributeName) -> String {
        let reply = self
            .client
            .get_queue_attributes()
            .queue_url(&self.results)
            .attribute_names(name.clone())
            .send()
            .await
            .unwrap();
        reply.attributes().unwrap()[&name].clone()
    }

    /// Messages of a queue, visible and in flight.
    pub(crate) async fn count(&self, queue: &str) -> usize {
        use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
        let names = vec![ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let reply = self
            .client
            .get_queue_attributes()
            .queue_url(queue)
            .set_attribute_names(Some(names))
            .send()
            .await
            .unwrap();
        reply
            .attributes()
            .unwrap()
            .values()
            .map(|value| value.parse::<usize>().unwrap())
            .sum()
    }

    /// Waits until every outcome has been dealt with.
    pub(crate) async fn settled(&self) {
        self.emptied(&self.results).await;
    }

    /// Waits until a queue is empty.
    pub(crate) async fn emptied(&self, queue: &str) {
        let deadline = tokio::time::Instant::now() + SOON;
        while self.count(queue).await > 0 {
            assert!(tokio::time::Instant::now() < deadline, "messages stay in {queue}");
            tokio::task::yield_now().await;
        }
    }
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

impl Task {
    /// An outcome of this task.
    pub(crate) fn outcome(&self, event: &str) -> Value {
        json!({"outcomeToken": self.body["outcomeToken"], "event": event})
    }

    pub(crate) fn outcome_with(&self, event: &str, more: &Value) -> Value {
        let mut outcome = self.outcome(event);
        outcome
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        outcome
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.message.message_attributes()?.get(name)?.string_value()
    }
}
