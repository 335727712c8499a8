//! Queues: names, attributes, lists, purges.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;

use crate::harness::{code, unique_name, with_sqs};

const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";

#[tokio::test]
async fn a_queue_is_created_found_listed_and_deleted() {
    with_sqs(async |sqs| {
        let name = unique_name();
        let url = sqs
            .client
            .create_queue()
            .queue_name(&name)
            .send()
            .await
            .unwrap()
            .queue_url
            .unwrap();
        assert!(
            url.starts_with(&format!("http://{}/", sqs.authority)) && url.ends_with(&format!("/{name}")),
            "{url}"
        );

        let found = sqs.client.get_queue_url().queue_name(&name).send().await.unwrap();
        assert_eq!(found.queue_url.as_ref(), Some(&url));
        let listed = sqs
            .client
            .list_queues()
            .queue_name_prefix(&name)
            .send()
            .await
            .unwrap();
        assert_eq!(listed.queue_urls(), std::slice::from_ref(&url));

        sqs.client.delete_queue().queue_url(&url).send().await.unwrap();
        assert_eq!(
            code(sqs.client.get_queue_url().queue_name(&name).send().await),
            NO_QUEUE
        );
        let listed = sqs
            .client
            .list_queues()
            .queue_name_prefix(&name)
            .send()
            .await
            .unwrap();
        assert!(listed.queue_urls().is_empty());
    })
    .await;
}

#[tokio::test]
async fn creating_a_queue_again_answers_its_url_unless_an_attribute_differs() {
    with_sqs(async |sqs| {
        let name = unique_name();
        let create = |timeout: &str| {
            sqs.client
                .create_queue()
                .queue_name(&name)
                .attributes(Attribute::VisibilityTimeout, timeout)
                .send()
        };
        let url = create("7").await.unwrap().queue_url;
        assert_eq!(create("7").await.unwrap().queue_url, url);
        assert_eq!(
            sqs.client
                .create_queue()
                .queue_name(&name)
                .send()
                .await
                .unwrap()
                .queue_url,
            url
        );
        assert_eq!(code(create("8").await), "QueueAlreadyExists");
    })
    .await;
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    with_sqs(async |sqs| {
        for name in ["a b", "é", &"a".repeat(81)] {
            assert_eq!(
                code(sqs.client.create_queue().queue_name(name).send().await),
                "InvalidParameterValue",
                "{name}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_queue_that_does_not_exist_is_refused_by_every_action() {
    with_sqs(async |sqs| {
        let url = format!("http://{}/000000000000/{}", sqs.authority, unique_name());
        let client = &sqs.client;
        assert_eq!(
            code(
                client
                    .send_message()
                    .queue_url(&url)
                    .message_body("x")
                    .send()
                    .await
            ),
            NO_QUEUE
        );
        assert_eq!(
            code(client.receive_message().queue_url(&url).send().await),
            NO_QUEUE
        );
        assert_eq!(
            code(
                client
                    .receive_message()
                    .queue_url(&url)
                    .wait_time_seconds(5)
                    .send()
                    .await
            ),
            NO_QUEUE
        );
        assert_eq!(
            code(client.get_queue_attributes().queue_url(&url).send().await),
            NO_QUEUE
        );
        assert_eq!(code(client.purge_queue().queue_url(&url).send().await), NO_QUEUE);
        assert_eq!(code(sqs.set(&url, Attribute::DelaySeconds, "1").await), NO_QUEUE);
    })
    .await;
}

#[tokio::test]
async fn attributes_have_their_documented_defaults_and_can_be_changed() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::DelaySeconds, "2")]).await;
        let attributes = sqs.attributes(&queue).await;
        for (name, value) in [
            (Attribute::VisibilityTimeout, "30"),
            (Attribute::DelaySeconds, "2"),
            (Attribute::MaximumMessageSize, "1048576"),
            (Attribute::MessageRetentionPeriod, "345600"),
            (Attribute::ReceiveMessageWaitTimeSeconds, "0"),
        ] {
            assert_eq!(attributes[&name], value, "{name}");
        }
        sqs.set(&queue, Attribute::VisibilityTimeout, "77").await.unwrap();
        sqs.set(&queue, Attribute::MaximumMessageSize, "2048")
            .await
            .unwrap();
        let attributes = sqs.attributes(&queue).await;
        assert_eq!(attributes[&Attribute::VisibilityTimeout], "77");
        assert_eq!(attributes[&Attribute::MaximumMessageSize], "2048");
        assert_eq!(attributes[&Attribute::DelaySeconds], "2");
    })
    .await;
}

#[tokio::test]
async fn attributes_name_the_queue_and_its_times_and_come_only_when_asked_for() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let attributes = sqs.attributes(&queue).await;
        let (arn, name) = (
            &attributes[&Attribute::QueueArn],
            queue.rsplit('/').next().unwrap(),
        );
        assert!(
            arn.starts_with("arn:aws:sqs:eu-west-1:") && arn.ends_with(&format!(":{name}")),
            "{arn}"
        );
        for name in [Attribute::CreatedTimestamp, Attribute::LastModifiedTimestamp] {
            assert!(
                attributes[&name].parse::<u64>().unwrap() > 1_700_000_000,
                "{name}"
            );
        }
        let none = sqs
            .client
            .get_queue_attributes()
            .queue_url(&queue)
            .send()
            .await
            .unwrap();
        assert!(none.attributes.is_none());
    })
    .await;
}

#[tokio::test]
async fn attributes_out_of_range_or_unknown_are_refused() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        for (name, value) in [
            (Attribute::VisibilityTimeout, "43201"),
            (Attribute::DelaySeconds, "901"),
            (Attribute::MaximumMessageSize, "1023"),
            (Attribute::MaximumMessageSize, "1048577"),
            (Attribute::MessageRetentionPeriod, "59"),
            (Attribute::ReceiveMessageWaitTimeSeconds, "21"),
            (Attribute::VisibilityTimeout, "soon"),
        ] {
            let set = sqs.set(&queue, name.clone(), value).await;
            assert_eq!(code(set), "InvalidAttributeValue", "{name} {value}");
        }
        let set = sqs.set(&queue, Attribute::from("Colour"), "red").await;
        assert_eq!(code(set), "InvalidAttributeName");
        let get = sqs
            .client
            .get_queue_attributes()
            .queue_url(&queue)
            .attribute_names(Attribute::from("Colour"));
        assert_eq!(code(get.send().await), "InvalidAttributeName");
    })
    .await;
}

#[tokio::test]
async fn lists_come_in_pages_that_miss_nothing() {
    with_sqs(async |sqs| {
        let prefix = unique_name();
        let mut created = BTreeSet::new();
        for number in 0..5 {
            let request = sqs.client.create_queue().queue_name(format!("{prefix}-{number}"));
            created.insert(request.send().await.unwrap().queue_url.unwrap());
        }
        let (mut listed, mut token, mut pages) = (BTreeSet::new(), None, 0);
        loop {
            let request = sqs
                .client
                .list_queues()
                .queue_name_prefix(&prefix)
                .max_results(2)
                .set_next_token(token);
            let page = request.send().await.unwrap();
            assert!(page.queue_urls().len() <= 2);
            listed.extend(page.queue_urls().iter().cloned());
            token = page.next_token;
            pages += 1;
            if token.is_none() {
                break;
            }
            assert!(pages < 5, "the list has an end");
        }
        assert_eq!(listed, created);
    })
    .await;
}

#[tokio::test]
async fn a_purge_removes_everything_and_is_allowed_once_a_minute() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        for body in ["a", "b", "c"] {
            sqs.send(&queue, body).await;
        }
        let received = sqs
            .client
            .receive_message()
            .queue_url(&queue)
            .visibility_timeout(0)
            .send()
            .await
            .unwrap();
        assert_eq!(received.messages().len(), 1);
        sqs.client.purge_queue().queue_url(&queue).send().await.unwrap();
        assert!(sqs.receive(&queue).await.is_empty());
        let again = sqs.client.purge_queue().queue_url(&queue).send().await;
        assert_eq!(code(again), "AWS.SimpleQueueService.PurgeQueueInProgress");
    })
    .await;
}

#[tokio::test]
async fn counts_tell_visible_from_in_flight_from_delayed() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        for body in ["a", "b", "c"] {
            sqs.send(&queue, body).await;
        }
        sqs.client
            .send_message()
            .queue_url(&queue)
            .message_body("d")
            .delay_seconds(900)
            .send()
            .await
            .unwrap();
        let received = sqs
            .client
            .receive_message()
            .queue_url(&queue)
            .max_number_of_messages(2)
            .send()
            .await
            .unwrap();
        let in_flight = received.messages().len();
        assert!((1..=2).contains(&in_flight));
        for (name, count) in [
            (Attribute::ApproximateNumberOfMessages, 3 - in_flight),
            (Attribute::ApproximateNumberOfMessagesNotVisible, in_flight),
            (Attribute::ApproximateNumberOfMessagesDelayed, 1),
        ] {
            assert_eq!(
                sqs.attribute(&queue, name.clone()).await,
                Some(count.to_string()),
                "{name}"
            );
        }
    })
    .await;
}
