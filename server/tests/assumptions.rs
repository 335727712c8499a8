//! What the room `queue` takes for granted of SQS, held against an endpoint of our own, or the one that is given from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "sqs/endpoint.rs"]
mod endpoint;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use endpoint::Sqs;
use postern_server::job::Timestamp;
use postern_server::queue::{self, Error, Queues, Received, SendError, Task};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(30);

/// Queues that were made, found, and are empty.
struct World {
    sqs: Sqs,
    queues: Queues,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl World {
    async fn start() -> Self {
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let sqs = Sqs::start(&mut tasks, &shutdown).await;
        queue::create(&sqs.config, []).await.unwrap();
        let queues = queue::open(&sqs.config, []).await.unwrap();
        Self {
            sqs,
            queues,
            shutdown,
            tasks,
        }
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }

    /// So many tasks, as a consumer receives them.
    async fn consume(&self, count: usize) -> Vec<Message> {
        self.consume_from(&self.sqs.config.jobs, count).await
    }

    async fn consume_from(&self, queue: &str, count: usize) -> Vec<Message> {
        let (url, deadline) = (self.sqs.url(queue).await, Instant::now() + SOON);
        let mut messages = Vec::new();
        while messages.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} came", messages.len());
            let receive = self.sqs.client.receive_message().queue_url(&url);
            let receive = receive.max_number_of_messages(10).wait_time_seconds(1);
            let receive = receive.message_attribute_names("All");
            let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
            messages.extend(receive.send().await.unwrap().messages.unwrap_or_default());
        }
        messages
    }

    async fn tell(&self, body: &str) {
        let url = self.sqs.url(&self.sqs.config.results).await;
        let send = self.sqs.client.send_message().queue_url(url);
        send.message_body(body).send().await.unwrap();
    }

    async fn outcomes(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + SOON;
        let mut received = Vec::new();
        while received.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} came", received.len());
            received.extend(self.queues.results.receive(SOON).await.unwrap());
        }
        received
    }

    async fn waiting(&self) -> u64 {
        self.queues.results.waiting().await.unwrap().messages
    }
}

fn task(partner: &str, body: &str) -> Task {
    Task {
        consumer_type: "App\\Message\\ImportContacts".to_owned(),
        queue: None,
        partner: partner.to_owned(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn queues_that_are_there_are_not_made_again() {
    let world = World::start().await;
    queue::create(&world.sqs.config, []).await.unwrap();
    let waiting = world.queues.results.waiting().await.unwrap();
    assert_eq!(
        (waiting.messages, waiting.visibility_timeout),
        (0, Duration::from_secs(30))
    );
    assert_eq!(world.queues.dead_letters.queues().await.unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn queues_are_found_by_their_urls_too() {
    let world = World::start().await;
    let mut config = world.sqs.config.clone();
    config.jobs = world.sqs.url(&config.jobs).await;
    config.results = world.sqs.url(&config.results).await;
    let queues = queue::open(&config, []).await.unwrap();
    let sent = queues.jobs.send(vec![task("acme", "{}")]).await;
    assert_eq!(
        world.consume(1).await[0].message_id(),
        Some(sent[0].as_deref().unwrap())
    );
    world.stop().await;
}

#[tokio::test]
async fn a_task_goes_to_the_queue_that_it_names() {
    let world = World::start().await;
    let config = &world.sqs.config;
    let slow = format!("{}-slow", config.jobs);
    queue::create(config, [slow.as_str()]).await.unwrap();
    let queues = queue::open(config, [slow.as_str()]).await.unwrap();
    let mut named = task("acme", "\"slow\"");
    named.queue = Some(slow.clone());
    let sent = queues.jobs.send(vec![task("acme", "\"usual\""), named]).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(world.consume(1).await[0].body(), Some("\"usual\""));
    assert_eq!(world.consume_from(&slow, 1).await[0].body(), Some("\"slow\""));
    assert_eq!(queues.dead_letters.queues().await.unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_queue_of_tasks_that_is_the_queue_of_outcomes_stops_the_start() {
    let world = World::start().await;
    let config = &world.sqs.config;
    let results = world.sqs.url(&config.results).await;
    let error = queue::open(config, [results.as_str()])
        .await
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, Error::Shared(_)), "{error}");
    world.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_not_there_stops_the_start() {
    let world = World::start().await;
    let mut config = world.sqs.config.clone();
    config.results = "gone".to_owned();
    let error = queue::open(&config, []).await.map(drop).unwrap_err();
    assert!(
        matches!(&error, Error::Missing(name) if name == "gone"),
        "{error}"
    );
    config.results = world.sqs.url(&config.jobs).await + "-gone";
    let error = queue::open(&config, []).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error}");
    world.stop().await;
}

#[tokio::test]
async fn tasks_of_several_batches_arrive_as_they_were_sent() {
    let world = World::start().await;
    let body = |number: usize| format!("{{\"number\":{number},\"text\":\"Grüße \u{1F980}\\r\\n\\t<&>\"}}");
    let tasks = (0..23).map(|number| task(["acme", "globex"][number % 2], &body(number)));
    let sent = world.queues.jobs.send(tasks.collect()).await;
    let sent: Vec<_> = sent.into_iter().map(Result::unwrap).collect();
    let received = world.consume(23).await;
    for (number, id) in sent.iter().enumerate() {
        let message = received.iter().find(|message| message.message_id() == Some(id));
        let message = message.unwrap_or_else(|| panic!("task {number} did not come"));
        assert_eq!(message.body(), Some(body(number).as_str()));
        let attribute = |name: &str| message.message_attributes().unwrap()[name].string_value();
        assert_eq!(attribute("type"), Some("App\\Message\\ImportContacts"));
        assert_eq!(attribute("Content-Type"), Some("application/json"));
        let group = message
            .attributes()
            .unwrap()
            .get(&MessageSystemAttributeName::MessageGroupId);
        assert_eq!(group.map(String::as_str), Some(["acme", "globex"][number % 2]));
    }
    world.stop().await;
}

/// The group of a partner shares its queue fairly, and puts nothing in order.
#[tokio::test]
async fn a_task_in_flight_holds_up_none_of_its_partner() {
    let world = World::start().await;
    for body in ["\"a\"", "\"b\""] {
        world.queues.jobs.send(vec![task("acme", body)]).await[0]
            .as_ref()
            .unwrap();
    }
    let bodies: BTreeSet<_> = world
        .consume(2)
        .await
        .into_iter()
        .filter_map(|message| message.body)
        .collect();
    assert_eq!(bodies.len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn large_tasks_are_sent_in_requests_that_fit() {
    let world = World::start().await;
    let body = format!("\"{}\"", "x".repeat(world.queues.jobs.payload_bytes_max(None)));
    let sent = world
        .queues
        .jobs
        .send(vec![task("acme", &body), task("acme", &body)])
        .await;
    assert!(
        sent.iter().all(Result::is_ok),
        "{:?}",
        sent.iter().find(|sent| sent.is_err())
    );
    assert!(
        world
            .consume(2)
            .await
            .iter()
            .all(|message| message.body() == Some(&body))
    );
    world.stop().await;
}

#[tokio::test]
async fn outcomes_wait_until_they_are_deleted_and_tell_when_they_were_sent() {
    let world = World::start().await;
    let before = Timestamp::now();
    for number in 0..12 {
        world.tell(&format!("{{\"number\":{number}}}")).await;
    }
    assert_eq!(world.waiting().await, 12);
    let received = world.outcomes(12).await;
    assert_eq!(world.waiting().await, 12, "those in flight wait too");
    for outcome in &received {
        let sent = outcome.sent.unwrap();
        assert!(before.plus_millis(-1_000) <= sent && sent <= Timestamp::now().plus_millis(1_000));
    }
    let ids: BTreeSet<_> = received.iter().map(|outcome| &outcome.message_id).collect();
    assert_eq!(ids.len(), 12);
    let receipts: Vec<_> = received.iter().map(|outcome| outcome.receipt.clone()).collect();
    for batch in receipts.chunks(10) {
        assert_eq!(world.queues.results.delete(batch).await.unwrap(), 0);
    }
    assert_eq!(world.waiting().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn deleting_what_is_deleted_or_never_was_fails_no_other() {
    let world = World::start().await;
    world.tell("{}").await;
    world.tell("{}").await;
    let received = world.outcomes(2).await;
    let receipts: Vec<_> = received.iter().map(|outcome| outcome.receipt.clone()).collect();
    world.queues.results.delete(&receipts[..1]).await.unwrap();
    let mixed = [receipts[0].clone(), "nonsense".to_owned(), receipts[1].clone()];
    let kept = world.queues.results.delete(&mixed).await.unwrap();
    assert!(
        (1..=2).contains(&kept),
        "a second deletion is an error to some: {kept}"
    );
    assert_eq!(world.waiting().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_queue_that_was_deleted_takes_no_tasks() {
    let world = World::start().await;
    let delete = world.sqs.client.delete_queue();
    delete
        .queue_url(world.sqs.url(&world.sqs.config.jobs).await)
        .send()
        .await
        .unwrap();
    let sent = world.queues.jobs.send(vec![task("acme", "{}")]).await;
    assert!(matches!(sent[0], Err(SendError::Unavailable(_))), "{sent:?}");
    world.stop().await;
}
