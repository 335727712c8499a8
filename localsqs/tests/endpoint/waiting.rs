//! Long polls that end otherwise than by a message, and the end of the endpoint.

use std::time::Duration;

use postern_localsqs::Config;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::harness::{PATIENCE, code};
use crate::served::{Served, create, drain, until_waiting};

#[tokio::test]
async fn a_shutdown_ends_long_polls_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let queue = create(&served.client).await;
    let mut polls = JoinSet::new();
    for _ in 0..3 {
        polls.spawn(
            served
                .client
                .receive_message()
                .queue_url(&queue)
                .wait_time_seconds(20)
                .send(),
        );
    }
    until_waiting(&served, &queue).await;
    let started_at = Instant::now();
    served.stop().await;
    while let Some(polled) = polls.join_next().await {
        assert!(polled.unwrap().unwrap().messages().is_empty());
    }
    assert!(
        started_at.elapsed() < Duration::from_millis(900),
        "{:?}",
        started_at.elapsed()
    );
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_clients_that_say_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let mut slow = TcpStream::connect(&served.authority).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nAct")
        .await
        .unwrap();
    create(&served.client).await;
    let started_at = Instant::now();
    served.stop().await;
    assert!(
        started_at.elapsed() < Duration::from_millis(1_900),
        "{:?}",
        started_at.elapsed()
    );
}

#[tokio::test]
async fn receivers_beyond_the_limit_are_told_to_try_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        waiting_receivers_max: 1,
        ..Config::new(folder.path())
    };
    let served = Served::start(config).await;
    let queue = create(&served.client).await;
    let waiting = tokio::spawn(
        served
            .client
            .receive_message()
            .queue_url(&queue)
            .wait_time_seconds(20)
            .send(),
    );
    until_waiting(&served, &queue).await;
    let refused = served
        .client
        .receive_message()
        .queue_url(&queue)
        .wait_time_seconds(1)
        .send()
        .await;
    assert_eq!(code(refused), "RequestThrottled");
    served
        .client
        .receive_message()
        .queue_url(&queue)
        .send()
        .await
        .unwrap();
    served.stop().await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_receiver_that_hung_up_takes_no_message_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config {
        waiting_receivers_max: 1,
        ..Config::new(folder.path())
    })
    .await;
    let queue = create(&served.client).await;
    let poll = tokio::spawn(
        served
            .client
            .receive_message()
            .queue_url(&queue)
            .wait_time_seconds(20)
            .send(),
    );
    until_waiting(&served, &queue).await;
    poll.abort();
    // The only place in line is free again once the endpoint has seen that its holder is gone.
    let deadline = Instant::now() + PATIENCE;
    while served
        .client
        .receive_message()
        .queue_url(&queue)
        .wait_time_seconds(1)
        .send()
        .await
        .is_err()
    {
        assert!(Instant::now() < deadline, "the place becomes free");
    }
    served
        .client
        .send_message()
        .queue_url(&queue)
        .message_body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(drain(&served.client, &queue).await, ["x"]);
    served.stop().await;
}

#[tokio::test]
async fn a_queue_deleted_under_a_long_poll_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let queue = create(&served.client).await;
    let waiting = tokio::spawn(
        served
            .client
            .receive_message()
            .queue_url(&queue)
            .wait_time_seconds(20)
            .send(),
    );
    until_waiting(&served, &queue).await;
    served
        .client
        .delete_queue()
        .queue_url(&queue)
        .send()
        .await
        .unwrap();
    let ended = timeout(Duration::from_secs(5), waiting)
        .await
        .expect("the poll ends")
        .unwrap();
    assert_eq!(code(ended), "AWS.SimpleQueueService.NonExistentQueue");
    served.stop().await;
}
