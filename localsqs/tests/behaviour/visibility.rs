//! Visibility timeouts, receipt handles, deletions.

use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System, QueueAttributeName as Attribute};
use tokio::time::Instant;

use crate::harness::{code, handle, with_sqs};

#[tokio::test]
async fn a_received_message_is_hidden_and_comes_back_when_nobody_deletes_it() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "1")]).await;
        let id = sqs.send(&queue, "x").await;
        let first = sqs.receive_one(&queue).await;
        let received_at = Instant::now();
        assert!(sqs.receive(&queue).await.is_empty());
        let second = sqs.receive_one(&queue).await;
        assert!(
            received_at.elapsed() >= Duration::from_millis(800),
            "{:?}",
            received_at.elapsed()
        );
        assert_eq!(second.message_id(), Some(&*id));
        assert_ne!(second.receipt_handle(), first.receipt_handle());
        let of = |message: &Message, name| message.attributes().unwrap()[&name].clone();
        assert_eq!(of(&first, System::ApproximateReceiveCount), "1");
        assert_eq!(of(&second, System::ApproximateReceiveCount), "2");
        let first_receive = System::ApproximateFirstReceiveTimestamp;
        assert_eq!(of(&first, first_receive.clone()), of(&second, first_receive));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_message_does_not_come_back_and_may_be_deleted_twice() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "1")]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.receive_one(&queue).await;
        sqs.delete(&queue, &message).await;
        sqs.delete(&queue, &message).await;
        assert!(sqs.receive_within(&queue, 2).await.is_empty());
        let in_flight = sqs
            .attribute(&queue, Attribute::ApproximateNumberOfMessagesNotVisible)
            .await;
        assert_eq!(in_flight.as_deref(), Some("0"));
    })
    .await;
}

#[tokio::test]
async fn a_handle_outlives_its_timeout_until_the_message_is_received_again() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.glimpse(&queue).await;
        sqs.delete(&queue, &message).await;
        assert!(sqs.receive(&queue).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_stale_handle_deletes_nothing_and_hides_nothing() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        sqs.send(&queue, "x").await;
        let stale = sqs.glimpse(&queue).await;
        let fresh = sqs.receive_one(&queue).await;
        sqs.delete(&queue, &stale).await;
        assert_eq!(
            code(sqs.hide(&queue, handle(&stale), 0).await),
            "InvalidParameterValue"
        );
        sqs.hide(&queue, handle(&fresh), 0).await.unwrap();
        assert_eq!(sqs.receive_one(&queue).await.message_id(), fresh.message_id());
    })
    .await;
}

#[tokio::test]
async fn a_visibility_of_zero_shows_a_message_at_once() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "600")]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.receive_one(&queue).await;
        sqs.hide(&queue, handle(&message), 0).await.unwrap();
        assert_eq!(sqs.receive(&queue).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_longer_visibility_keeps_a_message_hidden() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "1")]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.receive_one(&queue).await;
        sqs.hide(&queue, handle(&message), 600).await.unwrap();
        assert!(sqs.receive_within(&queue, 2).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_visible_message_is_not_in_flight() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.glimpse(&queue).await;
        let refused = sqs.hide(&queue, handle(&message), 5).await;
        assert_eq!(code(refused), "AWS.SimpleQueueService.MessageNotInflight");
    })
    .await;
}

#[tokio::test]
async fn handles_that_never_were_are_refused() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let delete = sqs
            .client
            .delete_message()
            .queue_url(&queue)
            .receipt_handle("nonsense");
        assert_eq!(code(delete.send().await), "ReceiptHandleIsInvalid");
        assert_eq!(
            code(sqs.hide(&queue, "nonsense", 0).await),
            "ReceiptHandleIsInvalid"
        );
    })
    .await;
}

#[tokio::test]
async fn visibility_beyond_twelve_hours_is_refused() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.receive_one(&queue).await;
        assert_eq!(
            code(sqs.hide(&queue, handle(&message), 43_201).await),
            "InvalidParameterValue"
        );
    })
    .await;
}
