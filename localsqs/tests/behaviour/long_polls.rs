//! Long polls: they wait, and whatever brings a message to light wakes them.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use tokio::time::Instant;

use crate::harness::{Sqs, bodies, handle, with_sqs};

/// Far below the twenty seconds that the polls here would wait.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_long_poll_without_messages_ends_after_its_wait() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let started_at = Instant::now();
        assert!(sqs.receive_within(&queue, 1).await.is_empty());
        let waited = started_at.elapsed();
        assert!(
            waited >= Duration::from_millis(900) && waited < SOON,
            "{waited:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_queues_wait_holds_for_receivers_that_name_none() {
    with_sqs(async |sqs| {
        let queue = sqs
            .queue(&[(Attribute::ReceiveMessageWaitTimeSeconds, "1")])
            .await;
        let started_at = Instant::now();
        let received = sqs
            .client
            .receive_message()
            .queue_url(&queue)
            .send()
            .await
            .unwrap();
        assert!(received.messages().is_empty());
        assert!(
            started_at.elapsed() >= Duration::from_millis(900),
            "{:?}",
            started_at.elapsed()
        );
        let started_at = Instant::now();
        sqs.receive(&queue).await;
        assert!(
            started_at.elapsed() < Duration::from_millis(900),
            "{:?}",
            started_at.elapsed()
        );
    })
    .await;
}

#[tokio::test]
async fn a_send_wakes_a_long_poll() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let (messages, ()) = tokio::join!(polled(sqs, &queue), async {
            round_trips(sqs, &queue).await;
            sqs.send(&queue, "x").await;
        });
        assert_eq!(bodies(&messages), ["x"]);
    })
    .await;
}

#[tokio::test]
async fn every_waiting_receiver_gets_a_message_when_there_is_one_for_each() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let poll = async || {
            let request = sqs
                .client
                .receive_message()
                .queue_url(&queue)
                .max_number_of_messages(1);
            request
                .wait_time_seconds(20)
                .send()
                .await
                .unwrap()
                .messages
                .unwrap_or_default()
        };
        let started_at = Instant::now();
        let (first, second, third, ()) = tokio::join!(poll(), poll(), poll(), async {
            round_trips(sqs, &queue).await;
            for body in ["a", "b", "c"] {
                sqs.send(&queue, body).await;
            }
        });
        assert_eq!(bodies(&[first, second, third].concat()), ["a", "b", "c"]);
        assert!(started_at.elapsed() < SOON, "{:?}", started_at.elapsed());
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_delay_wakes_a_long_poll() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let (messages, ()) = tokio::join!(polled(sqs, &queue), async {
            round_trips(sqs, &queue).await;
            sqs.client
                .send_message()
                .queue_url(&queue)
                .message_body("x")
                .delay_seconds(1)
                .send()
                .await
                .unwrap();
        });
        assert_eq!(bodies(&messages), ["x"]);
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_visibility_timeout_wakes_a_long_poll() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "1")]).await;
        sqs.send(&queue, "x").await;
        sqs.receive_one(&queue).await;
        assert_eq!(bodies(&polled(sqs, &queue).await), ["x"]);
    })
    .await;
}

#[tokio::test]
async fn giving_a_message_back_wakes_a_long_poll() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "600")]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.receive_one(&queue).await;
        let (messages, ()) = tokio::join!(polled(sqs, &queue), async {
            round_trips(sqs, &queue).await;
            sqs.hide(&queue, handle(&message), 0).await.unwrap();
        });
        assert_eq!(bodies(&messages), ["x"]);
    })
    .await;
}

/// Gives polls that were begun before the time to find nothing and wait: ten requests that came after them.
async fn round_trips(sqs: &Sqs, queue: &str) {
    for _ in 0..10 {
        sqs.attribute(queue, Attribute::QueueArn).await;
    }
}

/// What a poll of twenty seconds brings, which must be soon.
async fn polled(sqs: &Sqs, queue: &str) -> Vec<aws_sdk_sqs::types::Message> {
    let started_at = Instant::now();
    let messages = sqs.receive_within(queue, 20).await;
    assert!(started_at.elapsed() < SOON, "{:?}", started_at.elapsed());
    messages
}
