//! The JSON protocol where SDKs do not look, or cannot go: error shapes, unreadable requests.

use serde_json::{Value, json};

use crate::harness::{unique_name, with_sqs};

#[tokio::test]
async fn an_error_has_its_shape_in_the_body_and_its_old_code_in_a_header() {
    with_sqs(async |sqs| {
        let url = format!("http://{}/000000000000/{}", sqs.authority, unique_name());
        let answer = sqs
            .json("ReceiveMessage", &json!({ "QueueUrl": url }).to_string())
            .await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.header("x-amzn-query-error"),
            Some("aws.simplequeueservice.nonexistentqueue;sender"),
            "{answer:?}"
        );
        assert!(
            answer
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/x-amz-json-1.0"))
        );
        assert!(answer.header("x-amzn-requestid").is_some());
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|message| message.contains("does not exist")),
            "{body}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_in_json() {
    with_sqs(async |sqs| {
        for (action, body) in [
            ("ReceiveMessage", "{"),
            ("ReceiveMessage", ""),
            ("ReceiveMessage", "[]"),
            ("ReceiveMessage", r#"{"QueueUrl": {"a": 1}}"#),
            (
                "SendMessage",
                r#"{"QueueUrl": "http://x/000000000000/q", "MessageBody": 5}"#,
            ),
            ("Sing", "{}"),
        ] {
            let answer = sqs.json(action, body).await;
            assert_eq!(answer.status, 400, "{action} {body}: {answer:?}");
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert!(body["__type"].is_string(), "{body}");
        }
    })
    .await;
}
