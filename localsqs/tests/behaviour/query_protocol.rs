//! The Query protocol by hand, as SDKs of before 2023 speak it.

use aws_sdk_sqs::types::QueueAttributeName as Attribute;

use crate::harness::{Answer, Sqs, unique_name, with_sqs};

#[tokio::test]
async fn a_message_goes_through_the_query_protocol_and_back() {
    with_sqs(async |sqs| {
        let name = unique_name();
        let created = sqs
            .form("/", &[("Action", "CreateQueue"), ("QueueName", &name)])
            .await;
        assert_eq!(created.status, 200, "{created:?}");
        let url = created.element("QueueUrl").unwrap();
        let sent = sqs
            .form(
                "/",
                &[
                    ("Action", "SendMessage"),
                    ("QueueUrl", url),
                    ("MessageBody", "Grüße <&> 世界\r\n"),
                    ("MessageAttribute.1.Name", "type"),
                    ("MessageAttribute.1.Value.DataType", "String"),
                    (
                        "MessageAttribute.1.Value.StringValue",
                        "App\\Message\\ImportContacts",
                    ),
                ],
            )
            .await;
        assert_eq!(
            sent.element("MD5OfMessageAttributes"),
            Some("3125ca81f378731214c70bb6340d142e"),
            "{sent:?}"
        );
        assert!(sent.element("RequestId").is_some());

        let received = receive(sqs, url).await;
        assert_eq!(received.element("MessageId"), sent.element("MessageId"));
        assert_eq!(received.element("MD5OfBody"), sent.element("MD5OfMessageBody"));
        let body = received.element("Body").unwrap().to_ascii_lowercase();
        assert!(body.starts_with("grüße &lt;&amp;&gt; 世界&#"), "{received:?}");
        let attribute = received.element("MessageAttribute").unwrap();
        assert!(attribute.contains("<Name>type</Name>"), "{attribute}");
        assert!(
            attribute.contains("<StringValue>App\\Message\\ImportContacts</StringValue>"),
            "{attribute}"
        );
        assert!(
            received.body.contains("<Name>SentTimestamp</Name>"),
            "{received:?}"
        );

        let handle = received.element("ReceiptHandle").unwrap();
        let parameters = [
            ("Action", "DeleteMessage"),
            ("QueueUrl", url),
            ("ReceiptHandle", handle),
        ];
        let deleted = sqs.form("/", &parameters).await;
        assert_eq!(deleted.status, 200);
        assert!(deleted.body.contains("<DeleteMessageResponse"), "{deleted:?}");
    })
    .await;
}

#[tokio::test]
async fn a_queue_is_also_spoken_to_on_its_own_path() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let path = queue.trim_start_matches(&format!("http://{}", sqs.authority));
        let sent = sqs
            .form(path, &[("Action", "SendMessage"), ("MessageBody", "x")])
            .await;
        assert_eq!(sent.status, 200, "{sent:?}");
        assert_eq!(sqs.receive_one(&queue).await.body(), Some("x"));
    })
    .await;
}

#[tokio::test]
async fn a_batch_fails_in_part_in_the_query_protocol_too() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let answer = sqs
            .form(
                "/",
                &[
                    ("Action", "SendMessageBatch"),
                    ("QueueUrl", &queue),
                    ("SendMessageBatchRequestEntry.1.Id", "good"),
                    ("SendMessageBatchRequestEntry.1.MessageBody", "x"),
                    ("SendMessageBatchRequestEntry.2.Id", "bad"),
                    ("SendMessageBatchRequestEntry.2.MessageBody", "\u{1}"),
                ],
            )
            .await;
        let good = answer.element("SendMessageBatchResultEntry").unwrap();
        assert!(
            good.contains("<Id>good</Id>") && good.contains("<MessageId>"),
            "{answer:?}"
        );
        let bad = answer.element("BatchResultErrorEntry").unwrap();
        assert!(
            bad.contains("<Id>bad</Id>") && bad.contains("<Code>InvalidMessageContents</Code>"),
            "{answer:?}"
        );
        assert!(bad.contains("<SenderFault>true</SenderFault>"), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn attributes_are_set_and_read_in_the_query_protocol() {
    with_sqs(async |sqs| {
        let queue = sqs.queue(&[]).await;
        let parameters = [
            ("Action", "SetQueueAttributes"),
            ("QueueUrl", &queue),
            ("Attribute.1.Name", "VisibilityTimeout"),
            ("Attribute.1.Value", "77"),
        ];
        assert_eq!(sqs.form("/", &parameters).await.status, 200);
        assert_eq!(
            sqs.attribute(&queue, Attribute::VisibilityTimeout)
                .await
                .as_deref(),
            Some("77")
        );
        let parameters = [
            ("Action", "GetQueueAttributes"),
            ("QueueUrl", &queue),
            ("AttributeName.1", "VisibilityTimeout"),
        ];
        let answer = sqs.form("/", &parameters).await;
        let attribute = answer.element("Attribute");
        assert_eq!(
            attribute,
            Some("<Name>VisibilityTimeout</Name><Value>77</Value>"),
            "{answer:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn errors_are_answered_in_xml() {
    with_sqs(async |sqs| {
        let absent = format!("http://{}/000000000000/{}", sqs.authority, unique_name());
        for (parameters, code) in [
            (
                vec![("Action", "ReceiveMessage"), ("QueueUrl", &*absent)],
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            (
                vec![("Action", "GetQueueUrl"), ("QueueName", "absent")],
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            (vec![("Action", "Sing")], "InvalidAction"),
        ] {
            let answer = sqs.form("/", &parameters).await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.body.contains("<ErrorResponse"), "{answer:?}");
            assert_eq!(answer.element("Code"), Some(code));
            assert_eq!(answer.element("Type"), Some("Sender"));
            assert!(
                answer
                    .element("Message")
                    .is_some_and(|message| !message.is_empty()),
                "{answer:?}"
            );
        }
    })
    .await;
}

async fn receive(sqs: &Sqs, url: &str) -> Answer {
    let parameters = [
        ("Action", "ReceiveMessage"),
        ("QueueUrl", url),
        ("AttributeName.1", "All"),
        ("MessageAttributeName.1", "All"),
        ("WaitTimeSeconds", "5"),
    ];
    sqs.form("/", &parameters).await
}
