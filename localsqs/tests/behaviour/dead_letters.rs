//! Redrive policies and dead-letter queues.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::{
    Message, MessageSystemAttributeName as System, QueueAttributeName as Attribute,
    SendMessageBatchRequestEntry,
};

use crate::harness::{Sqs, bodies, code, with_sqs};

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 2).await;
        let id = sqs.send(&queue, "poison").await;
        sqs.receive_one(&queue).await;
        sqs.receive_one(&queue).await;
        assert!(sqs.receive(&queue).await.is_empty());
        let message = sqs.receive_one(&dead).await;
        assert_eq!(
            (message.body(), message.message_id()),
            (Some("poison"), Some(&*id))
        );
        let source = &message.attributes().unwrap()[&System::DeadLetterQueueSourceArn];
        assert!(source.ends_with(queue.rsplit('/').next().unwrap()), "{source}");
        assert!(sqs.receive(&queue).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn dead_letters_do_not_hold_up_the_living() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 1).await;
        for body in ["a", "b", "c"] {
            sqs.send(&queue, body).await;
        }
        assert_eq!(sqs.receive_all(&queue, 3).await.len(), 3);
        sqs.send(&queue, "alive").await;
        assert_eq!(bodies(&sqs.receive_all(&queue, 1).await), ["alive"]);
        assert_eq!(bodies(&sqs.receive_all(&dead, 3).await), ["a", "b", "c"]);
    })
    .await;
}

#[tokio::test]
async fn who_waits_gets_a_living_message_however_many_dead_letters_lie_before_it() {
    with_sqs(async |sqs| {
        let (queue, _dead) = queues(sqs, 1).await;
        for number in 0..250 {
            sqs.send(&queue, &number.to_string()).await;
        }
        assert_eq!(sqs.receive_all(&queue, 250).await.len(), 250);
        sqs.send(&queue, "alive").await;
        let started_at = tokio::time::Instant::now();
        let request = sqs
            .client
            .receive_message()
            .queue_url(&queue)
            .wait_time_seconds(20);
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        assert_eq!(bodies(&messages), ["alive"]);
        assert!(started_at.elapsed().as_secs() < 10, "{:?}", started_at.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_dead_letter_wakes_who_waits_for_it() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 1).await;
        sqs.send(&queue, "poison").await;
        sqs.receive_one(&queue).await;
        let started_at = tokio::time::Instant::now();
        let (messages, ()) = tokio::join!(sqs.receive_within(&dead, 20), async {
            assert!(sqs.receive(&queue).await.is_empty());
        });
        assert_eq!(bodies(&messages), ["poison"]);
        assert!(started_at.elapsed().as_secs() < 5, "{:?}", started_at.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_redrive_policy_is_answered_as_it_was_set_and_can_be_taken_away() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 3).await;
        let policy = sqs.attribute(&queue, Attribute::RedrivePolicy).await.unwrap();
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
        assert_eq!(policy["maxReceiveCount"], 3);
        assert_eq!(
            policy["deadLetterTargetArn"].as_str(),
            sqs.attribute(&dead, Attribute::QueueArn).await.as_deref()
        );
        sqs.set(&queue, Attribute::RedrivePolicy, "").await.unwrap();
        assert_eq!(sqs.attribute(&queue, Attribute::RedrivePolicy).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_redrive_policy_that_leads_nowhere_is_refused() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 3).await;
        let arn = sqs.attribute(&dead, Attribute::QueueArn).await.unwrap();
        for policy in [
            format!(r#"{{"deadLetterTargetArn":"{arn}-absent","maxReceiveCount":3}}"#),
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":0}}"#),
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1001}}"#),
        ] {
            let set = sqs.set(&queue, Attribute::RedrivePolicy, &policy).await;
            assert_eq!(code(set), "InvalidParameterValue", "{policy}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_sources_of_a_dead_letter_queue_are_listed() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 3).await;
        let list = |queue: &str| sqs.client.list_dead_letter_source_queues().queue_url(queue);
        let listed = list(&dead).send().await.unwrap();
        assert_eq!(listed.queue_urls(), std::slice::from_ref(&queue));
        let page = list(&dead).max_results(1).send().await.unwrap();
        let next = list(&dead).max_results(1).next_token(page.next_token().unwrap());
        assert!(next.send().await.unwrap().queue_urls().is_empty());
        assert!(list(&queue).send().await.unwrap().queue_urls().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_move_task_takes_all_dead_letters_back_as_new_messages() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 1).await;
        // More than one part of the task.
        for number in 0..12 {
            send_ten(sqs, &queue, number).await;
        }
        let died = sqs.receive_all(&queue, 120).await;
        assert!(sqs.receive(&queue).await.is_empty());
        let arn = sqs.attribute(&dead, Attribute::QueueArn).await.unwrap();
        let start = sqs.client.start_message_move_task().source_arn(&arn);
        start.send().await.unwrap();
        assert_eq!(
            sqs.attribute(&dead, Attribute::ApproximateNumberOfMessages)
                .await
                .unwrap(),
            "0"
        );
        // The handles of before mean none of them.
        sqs.delete(&queue, &died[0]).await;
        let back = sqs.receive_all(&queue, 120).await;
        assert_eq!(bodies(&back), bodies(&died));
        let ids = |messages: &[Message]| -> BTreeSet<String> {
            messages
                .iter()
                .map(|message| message.message_id().unwrap().to_owned())
                .collect()
        };
        assert!(ids(&back).is_disjoint(&ids(&died)));
        let list = sqs.client.list_message_move_tasks().source_arn(&arn);
        let listed = list.send().await.unwrap();
        let [task] = listed.results() else {
            panic!("{listed:?}")
        };
        assert_eq!(
            (task.status(), task.approximate_number_of_messages_moved()),
            (Some("COMPLETED"), 120)
        );
        assert!(task.task_handle().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_move_task_leaves_what_came_from_nowhere() {
    with_sqs(async |sqs| {
        let (queue, dead) = queues(sqs, 1).await;
        sqs.send(&dead, "put here by hand").await;
        sqs.send(&queue, "poison").await;
        sqs.receive_one(&queue).await;
        assert!(sqs.receive(&queue).await.is_empty());
        let arn = sqs.attribute(&dead, Attribute::QueueArn).await.unwrap();
        sqs.client
            .start_message_move_task()
            .source_arn(&arn)
            .send()
            .await
            .unwrap();
        assert_eq!(sqs.receive_one(&queue).await.body(), Some("poison"));
        let list = sqs.client.list_message_move_tasks().source_arn(&arn);
        let listed = list.send().await.unwrap();
        let [task] = listed.results() else {
            panic!("{listed:?}")
        };
        assert_eq!(
            (task.status(), task.approximate_number_of_messages_moved()),
            (Some("FAILED"), 1)
        );
        assert_eq!(task.failure_reason(), Some("CouldNotDetermineMessageSource"));
        assert_eq!(sqs.receive_one(&dead).await.body(), Some("put here by hand"));
    })
    .await;
}

/// A queue that shows its messages at once again, and its dead-letter queue.
async fn queues(sqs: &Sqs, receives_max: u32) -> (String, String) {
    let dead = sqs.queue(&[]).await;
    let arn = sqs.attribute(&dead, Attribute::QueueArn).await.unwrap();
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{receives_max}}}"#);
    let queue = sqs
        .queue(&[
            (Attribute::VisibilityTimeout, "0"),
            (Attribute::RedrivePolicy, &policy),
        ])
        .await;
    (queue, dead)
}

async fn send_ten(sqs: &Sqs, queue: &str, number: u32) {
    let entries = (0..10).map(|index| {
        let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
        entry.message_body(format!("{number}-{index}")).build().unwrap()
    });
    let send = sqs.client.send_message_batch().queue_url(queue);
    send.set_entries(Some(entries.collect())).send().await.unwrap();
}
