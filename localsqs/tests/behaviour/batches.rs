//! Batches: rules for the whole, partial failure.

use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry,
};

use crate::harness::{Sqs, bodies, code, handle, with_sqs};

#[tokio::test]
async fn a_batch_of_ten_is_sent_received_and_deleted() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let names: Vec<_> = (0..10).map(|number| format!("m{number}")).collect();
        let sent = send(sqs, &queue, names.iter().map(|name| entry(name, name)).collect())
            .await
            .unwrap();
        assert!(sent.failed().is_empty());
        assert_eq!(
            sent.successful()
                .iter()
                .map(|entry| entry.id())
                .collect::<Vec<_>>(),
            names
        );

        let messages = sqs.receive_all(&queue, 10).await;
        assert_eq!(bodies(&messages), names);
        let mut request = sqs.client.delete_message_batch().queue_url(&queue);
        for (name, message) in names.iter().zip(&messages) {
            request = request.entries(delete(name, handle(message)));
        }
        let deleted = request.send().await.unwrap();
        assert_eq!((deleted.successful().len(), deleted.failed().len()), (10, 0));
        let counts = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        assert_eq!(sqs.attribute(&queue, counts).await.as_deref(), Some("0"));
    })
    .await;
}

#[tokio::test]
async fn entries_that_cannot_be_sent_fail_alone() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let late = entry("late", "late");
        let late = SendMessageBatchRequestEntry::builder()
            .id(late.id())
            .message_body("late")
            .delay_seconds(901);
        let entries = vec![
            entry("good", "good"),
            entry("bad", "\u{1}"),
            late.build().unwrap(),
            entry("fine", "fine"),
        ];
        let sent = send(sqs, &queue, entries).await.unwrap();
        assert_eq!(
            sent.successful()
                .iter()
                .map(|entry| entry.id())
                .collect::<Vec<_>>(),
            ["good", "fine"]
        );
        let failed: Vec<_> = sent
            .failed()
            .iter()
            .map(|entry| (entry.id(), entry.code(), entry.sender_fault()))
            .collect();
        assert_eq!(
            failed,
            [
                ("bad", "InvalidMessageContents", true),
                ("late", "InvalidParameterValue", true)
            ]
        );
        assert_eq!(bodies(&sqs.receive_all(&queue, 2).await), ["fine", "good"]);
    })
    .await;
}

#[tokio::test]
async fn handles_that_are_no_good_fail_alone() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        sqs.send(&queue, "x").await;
        let message = sqs.receive_one(&queue).await;
        let request = sqs.client.change_message_visibility_batch().queue_url(&queue);
        let changed = request
            .entries(change("bad", "nonsense"))
            .entries(change("good", handle(&message)))
            .send()
            .await;
        let changed = changed.unwrap();
        assert_eq!(
            (changed.successful()[0].id(), changed.successful().len()),
            ("good", 1)
        );
        assert_eq!(
            (changed.failed()[0].id(), changed.failed()[0].code()),
            ("bad", "ReceiptHandleIsInvalid")
        );

        let message = sqs.receive_one(&queue).await;
        let request = sqs.client.delete_message_batch().queue_url(&queue);
        let deleted = request
            .entries(delete("bad", "nonsense"))
            .entries(delete("good", handle(&message)))
            .send()
            .await;
        let deleted = deleted.unwrap();
        assert_eq!(
            (deleted.successful()[0].id(), deleted.successful().len()),
            ("good", 1)
        );
        assert_eq!(
            (deleted.failed()[0].id(), deleted.failed()[0].code()),
            ("bad", "ReceiptHandleIsInvalid")
        );
    })
    .await;
}

#[tokio::test]
async fn a_batch_whose_ids_cannot_be_answered_is_refused_as_a_whole() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        for (ids, expected) in [
            (vec![], "EmptyBatchRequest"),
            (
                vec!["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"],
                "TooManyEntriesInBatchRequest",
            ),
            (vec!["a", "a"], "BatchEntryIdsNotDistinct"),
            (vec!["a b"], "InvalidBatchEntryId"),
        ] {
            let refused = send(sqs, &queue, ids.iter().map(|id| entry(id, "x")).collect()).await;
            assert_eq!(code(refused), format!("AWS.SimpleQueueService.{expected}"));
        }
        assert!(sqs.receive(&queue).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_batch_may_have_a_mebibyte_in_all() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let half = "x".repeat(524_288);
        let sent = send(sqs, &queue, vec![entry("a", &half), entry("b", &half)])
            .await
            .unwrap();
        assert_eq!(sent.successful().len(), 2);
        let more = half.clone() + "x";
        let refused = send(sqs, &queue, vec![entry("a", &half), entry("b", &more)]).await;
        assert_eq!(code(refused), "AWS.SimpleQueueService.BatchRequestTooLong");
    })
    .await;
}

async fn send(
    sqs: &Sqs,
    queue: &str,
    entries: Vec<SendMessageBatchRequestEntry>,
) -> Result<SendMessageBatchOutput, impl aws_sdk_sqs::error::ProvideErrorMetadata + std::fmt::Debug> {
    sqs.client
        .send_message_batch()
        .queue_url(queue)
        .set_entries(Some(entries))
        .send()
        .await
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .unwrap()
}

fn delete(id: &str, handle: &str) -> DeleteMessageBatchRequestEntry {
    DeleteMessageBatchRequestEntry::builder()
        .id(id)
        .receipt_handle(handle)
        .build()
        .unwrap()
}

fn change(id: &str, handle: &str) -> ChangeMessageVisibilityBatchRequestEntry {
    let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
        .id(id)
        .receipt_handle(handle);
    entry.visibility_timeout(0).build().unwrap()
}
