//! What is too much, and what is not here.

use postern_localsqs::Config;

use crate::harness::{code, raw};
use crate::served::{Served, create};

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_in_the_protocol_it_came_in() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let long = vec![b'x'; 5 * 1024 * 1024];
    let answer = raw(&served.authority, "POST / HTTP/1.1\r\n", &long).await;
    assert_eq!(
        (answer.status, answer.element("Code")),
        (413, Some("RequestEntityTooLarge")),
        "{answer:?}"
    );
    let answer = raw(
        &served.authority,
        "POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n",
        &long,
    )
    .await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("\"__type\""), "{answer:?}");
    served.stop().await;
}

#[tokio::test]
async fn a_form_that_a_web_page_sends_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let head = "POST / HTTP/1.1\r\nOrigin: http://example.com\r\n";
    let answer = raw(&served.authority, head, b"Action=CreateQueue&QueueName=jobs").await;
    assert_eq!(
        (answer.status, answer.element("Code")),
        (403, Some("AccessDenied")),
        "{answer:?}"
    );
    let found = served.client.list_queues().send().await.unwrap();
    assert!(found.queue_urls().is_empty());
    served.stop().await;
}

/// A picture whose address is that of an action needs no permission to be loaded, and has no origin.
#[tokio::test]
async fn an_address_that_a_web_page_loads_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    for method in ["GET", "PUT"] {
        let head = format!("{method} /?Action=CreateQueue&QueueName=jobs HTTP/1.1\r\n");
        let answer = raw(&served.authority, &head, b"").await;
        assert_eq!(
            (answer.status, answer.element("Code")),
            (405, Some("MalformedHttpRequest")),
            "{answer:?}"
        );
    }
    let found = served.client.list_queues().send().await.unwrap();
    assert!(found.queue_urls().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn heads_beyond_the_limit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let many: String = (0..100).map(|number| format!("X-{number}: x\r\n")).collect();
    let answer = raw(&served.authority, &format!("POST / HTTP/1.1\r\n{many}"), b"").await;
    assert_eq!(answer.status, 431);
    served.stop().await;
}

#[tokio::test]
async fn what_is_not_here_is_refused_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    const UNSUPPORTED: &str = "AWS.SimpleQueueService.UnsupportedOperation";
    let fifo = served.client.create_queue().queue_name("jobs.fifo").send().await;
    assert_eq!(code(fifo), UNSUPPORTED);
    let queue = create(&served.client).await;
    let fifo = served.client.create_queue().queue_name("jobs2");
    let fifo = fifo.attributes(aws_sdk_sqs::types::QueueAttributeName::FifoQueue, "true");
    assert_eq!(code(fifo.send().await), UNSUPPORTED);
    let tag = served
        .client
        .tag_queue()
        .queue_url(&queue)
        .tags("a", "b")
        .send()
        .await;
    assert_eq!(code(tag), UNSUPPORTED);
    let deduplicated = served
        .client
        .send_message()
        .queue_url(&queue)
        .message_body("x")
        .message_deduplication_id("x");
    assert_eq!(code(deduplicated.send().await), "InvalidParameterValue");
    served.stop().await;
}
