//! Messages: bodies, attributes, sizes, delays, digests.

use std::time::Duration;

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeName as System, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, QueueAttributeName as Attribute,
};
use tokio::time::Instant;

use crate::harness::{code, with_sqs};

const BODY: &str = "Grüße, 世界 \u{1F980}\t<&>\"'\r\n";

#[tokio::test]
async fn a_message_arrives_as_it_was_sent_with_the_digests_sdks_compute() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let request = sqs.client.send_message().queue_url(&queue).message_body(BODY);
        let sent = request
            .message_attributes("type", text("String", "App\\Message\\ImportContacts"))
            .message_attributes("count", text("Number.int", "-1.50"))
            .message_attributes("raw", binary("Binary.png", &[0, 255, 1]))
            .message_attributes("name", text("String.label", "Zoë"))
            .send()
            .await
            .unwrap();
        // Computed with Python's hashlib from the rules of the developer guide.
        let (body_digest, digest) = (
            "56a6cadce2bf5a4747de5a47cb98972a",
            "49ef2abf76c5f9e9fc56daa1005df266",
        );
        assert_eq!(sent.md5_of_message_body(), Some(body_digest));
        assert_eq!(sent.md5_of_message_attributes(), Some(digest));

        let message = sqs.receive_one(&queue).await;
        assert_eq!(message.body(), Some(BODY));
        assert_eq!(message.message_id(), sent.message_id());
        assert_eq!(message.md5_of_body(), Some(body_digest));
        assert_eq!(message.md5_of_message_attributes(), Some(digest));
        let attributes = message.message_attributes().unwrap();
        assert_eq!(attributes.len(), 4);
        assert_eq!(attributes["type"], text("String", "App\\Message\\ImportContacts"));
        assert_eq!(attributes["count"], text("Number.int", "-1.50"));
        assert_eq!(attributes["raw"], binary("Binary.png", &[0, 255, 1]));
        assert_eq!(attributes["name"], text("String.label", "Zoë"));
    })
    .await;
}

#[tokio::test]
async fn a_receiver_gets_the_attributes_it_asked_for_and_their_digest() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "0")]).await;
        let request = sqs.client.send_message().queue_url(&queue).message_body("x");
        let request = request.message_attributes("type", text("String", "App\\Message\\ImportContacts"));
        let request = request.message_attributes("trace.id", text("String", "1"));
        request
            .message_attributes("trace.flags", text("String", "2"))
            .send()
            .await
            .unwrap();
        for (wanted, names) in [
            (&[][..], &[][..]),
            (&["type"], &["type"]),
            (&["type", "absent"], &["type"]),
            (&["trace.*"], &["trace.flags", "trace.id"]),
            (&["All"], &["trace.flags", "trace.id", "type"]),
            (&[".*"], &["trace.flags", "trace.id", "type"]),
        ] {
            let wanted = wanted.iter().map(|&name| name.to_owned()).collect();
            let request = sqs
                .client
                .receive_message()
                .queue_url(&queue)
                .set_message_attribute_names(Some(wanted));
            let message = request.send().await.unwrap().messages.unwrap().remove(0);
            let mut found: Vec<_> = message
                .message_attributes()
                .into_iter()
                .flatten()
                .map(|(name, _)| name)
                .collect();
            found.sort_unstable();
            assert_eq!(found, names);
            assert_eq!(message.md5_of_message_attributes().is_some(), !names.is_empty());
            if names == ["type"] {
                assert_eq!(
                    message.md5_of_message_attributes(),
                    Some("3125ca81f378731214c70bb6340d142e")
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn system_attributes_come_when_they_are_asked_for() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::VisibilityTimeout, "0")]).await;
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let header = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(trace)
            .build()
            .unwrap();
        let request = sqs
            .client
            .send_message()
            .queue_url(&queue)
            .message_body("x")
            .message_group_id("partner-7");
        let request =
            request.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, header);
        let sent = request.send().await.unwrap();
        assert_eq!(
            sent.md5_of_message_system_attributes(),
            Some("62a56dd927315f2b2e12832b84617ea5")
        );

        let bare = sqs
            .client
            .receive_message()
            .queue_url(&queue)
            .send()
            .await
            .unwrap();
        assert!(bare.messages()[0].attributes().is_none());
        let request = sqs.client.receive_message().queue_url(&queue);
        let some = request
            .message_system_attribute_names(System::SentTimestamp)
            .send()
            .await
            .unwrap();
        assert_eq!(some.messages()[0].attributes().unwrap().len(), 1);

        let message = sqs.receive_one(&queue).await;
        let attributes = message.attributes().unwrap();
        assert_eq!(attributes[&System::ApproximateReceiveCount], "3");
        assert_eq!(attributes[&System::MessageGroupId], "partner-7");
        assert_eq!(attributes[&System::AwsTraceHeader], trace);
        assert!(!attributes[&System::SenderId].is_empty());
        let milliseconds = |name: System| attributes[&name].parse::<u64>().unwrap();
        let (sent, first) = (
            milliseconds(System::SentTimestamp),
            milliseconds(System::ApproximateFirstReceiveTimestamp),
        );
        assert!(
            1_700_000_000_000 < sent && sent <= first && first < sent + 60_000,
            "{sent} {first}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_may_have_a_mebibyte_and_not_a_byte_more() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let most = "é".repeat(524_288);
        sqs.send(&queue, &most).await;
        assert_eq!(sqs.receive_one(&queue).await.body(), Some(&*most));
        let more = sqs
            .client
            .send_message()
            .queue_url(&queue)
            .message_body(most + "x")
            .send()
            .await;
        assert_eq!(code(more), "InvalidParameterValue");
    })
    .await;
}

#[tokio::test]
async fn name_type_and_value_of_attributes_count_towards_the_size() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::MaximumMessageSize, "1024")]).await;
        let send = |body_bytes: usize| {
            let request = sqs
                .client
                .send_message()
                .queue_url(&queue)
                .message_body("x".repeat(body_bytes));
            request.message_attributes("name", text("String", "é")).send()
        };
        let attribute_bytes = "name".len() + "String".len() + "é".len();
        send(1_024 - attribute_bytes).await.unwrap();
        assert_eq!(code(send(1_025 - attribute_bytes).await), "InvalidParameterValue");
    })
    .await;
}

#[tokio::test]
async fn what_xml_cannot_carry_is_refused() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        for body in ["\u{1}", "x\u{B}y", "\u{FFFE}", "\u{FFFF}"] {
            let send = sqs
                .client
                .send_message()
                .queue_url(&queue)
                .message_body(body)
                .send()
                .await;
            assert_eq!(code(send), "InvalidMessageContents", "{body:?}");
        }
        let send = sqs
            .client
            .send_message()
            .queue_url(&queue)
            .message_body("")
            .send()
            .await;
        assert_eq!(code(send), "MissingParameter");
    })
    .await;
}

#[tokio::test]
async fn attributes_that_cannot_be_are_refused() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        for (name, attribute) in [
            ("empty", text("String", "")),
            ("number", text("Number", "one")),
            ("kind", text("Text", "x")),
            ("dots..twice", text("String", "x")),
            ("AWS.mine", text("String", "x")),
            ("binary", text("Binary", "x")),
        ] {
            let request = sqs.client.send_message().queue_url(&queue).message_body("x");
            let refused = request.message_attributes(name, attribute).send().await;
            assert_eq!(code(refused), "InvalidParameterValue", "{name}");
        }
        let eleven = (0..11)
            .map(|number| (format!("a{number}"), text("String", "x")))
            .collect();
        let request = sqs.client.send_message().queue_url(&queue).message_body("x");
        assert_eq!(
            code(request.set_message_attributes(Some(eleven)).send().await),
            "InvalidParameterValue"
        );
        assert!(sqs.receive(&queue).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn parameters_out_of_range_are_refused() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let send = || sqs.client.send_message().queue_url(&queue).message_body("x");
        let receive = || sqs.client.receive_message().queue_url(&queue);
        assert_eq!(
            code(send().delay_seconds(901).send().await),
            "InvalidParameterValue"
        );
        assert_eq!(
            code(send().delay_seconds(-1).send().await),
            "InvalidParameterValue"
        );
        assert_eq!(
            code(send().message_group_id("g".repeat(129)).send().await),
            "InvalidParameterValue"
        );
        assert_eq!(
            code(receive().max_number_of_messages(0).send().await),
            "InvalidParameterValue"
        );
        assert_eq!(
            code(receive().max_number_of_messages(11).send().await),
            "InvalidParameterValue"
        );
        assert_eq!(
            code(receive().wait_time_seconds(21).send().await),
            "InvalidParameterValue"
        );
        assert_eq!(
            code(receive().visibility_timeout(43_201).send().await),
            "InvalidParameterValue"
        );
    })
    .await;
}

#[tokio::test]
async fn a_delayed_message_is_hidden_until_its_delay_is_over() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let sent_at = Instant::now();
        sqs.client
            .send_message()
            .queue_url(&queue)
            .message_body("x")
            .delay_seconds(1)
            .send()
            .await
            .unwrap();
        assert!(sqs.receive(&queue).await.is_empty());
        sqs.receive_one(&queue).await;
        assert!(
            sent_at.elapsed() >= Duration::from_millis(900),
            "{:?}",
            sent_at.elapsed()
        );
    })
    .await;
}

#[tokio::test]
async fn a_queues_delay_holds_for_messages_that_name_none() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[(Attribute::DelaySeconds, "600")]).await;
        sqs.send(&queue, "delayed").await;
        sqs.client
            .send_message()
            .queue_url(&queue)
            .message_body("at once")
            .delay_seconds(0)
            .send()
            .await
            .unwrap();
        assert_eq!(sqs.receive_one(&queue).await.body(), Some("at once"));
        assert!(sqs.receive(&queue).await.is_empty());
    })
    .await;
}

fn text(data_type: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(data_type)
        .string_value(value)
        .build()
        .unwrap()
}

fn binary(data_type: &str, value: &[u8]) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(data_type)
        .binary_value(Blob::new(value))
        .build()
        .unwrap()
}
