//! The data folder: what it keeps, and who may have it open.

use postern_localsqs::{Config, Endpoint, Error};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::client;
use crate::served::{Served, create, drain};

#[tokio::test]
async fn messages_and_queues_outlive_the_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let queue = create(&served.client).await;
    served
        .client
        .send_message()
        .queue_url(&queue)
        .message_body("x")
        .send()
        .await
        .unwrap();
    let received = served
        .client
        .receive_message()
        .queue_url(&queue)
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    let handle = received.messages()[0].receipt_handle().unwrap().to_owned();
    served.stop().await;

    let served = Served::start(Config::new(folder.path())).await;
    let received = served
        .client
        .receive_message()
        .queue_url(&queue)
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    assert_eq!(received.messages()[0].body(), Some("x"));
    let stale = served
        .client
        .delete_message()
        .queue_url(&queue)
        .receipt_handle(handle)
        .send()
        .await;
    stale.unwrap();
    assert_eq!(drain(&served.client, &queue).await, ["x"]);
    served.stop().await;
}

#[tokio::test]
async fn a_folder_is_served_by_one_endpoint_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Endpoint::open(Config::new(folder.path())).await.unwrap();
    let second = Endpoint::open(Config::new(folder.path())).await;
    assert!(
        matches!(&second, Err(Error::InUse(path)) if path == folder.path()),
        "{second:?}"
    );
    drop(first);
    Endpoint::open(Config::new(folder.path())).await.unwrap();
}

#[tokio::test]
async fn a_folder_of_a_newer_version_is_left_alone() {
    use sqlx::Connection as _;
    let folder = tempfile::tempdir().unwrap();
    drop(Endpoint::open(Config::new(folder.path())).await.unwrap());
    let file = format!("sqlite://{}", folder.path().join("sqs.sqlite").display());
    let mut connection = sqlx::SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 9")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let opened = Endpoint::open(Config::new(folder.path())).await;
    assert!(
        matches!(opened, Err(Error::NewerSchema { found: 9, .. })),
        "{opened:?}"
    );
}

#[tokio::test]
async fn several_listeners_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::open(Config::new(folder.path())).await.unwrap();
    let shutdown = CancellationToken::new();
    let mut serving = JoinSet::new();
    let mut clients = Vec::new();
    for _ in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        clients.push(client(&listener.local_addr().unwrap().to_string()));
        serving.spawn(endpoint.clone().serve(listener, shutdown.clone()));
    }
    let queue = create(&clients[0]).await;
    let poll = clients[1]
        .receive_message()
        .queue_url(&queue)
        .wait_time_seconds(20)
        .send();
    let send = clients[0]
        .send_message()
        .queue_url(&queue)
        .message_body("x")
        .send();
    let (received, sent) = tokio::join!(poll, send);
    sent.unwrap();
    assert_eq!(received.unwrap().messages()[0].body(), Some("x"));
    shutdown.cancel();
    while let Some(served) = serving.join_next().await {
        served.unwrap().unwrap();
    }
}

#[tokio::test]
async fn concurrent_senders_and_receivers_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(Config::new(folder.path())).await;
    let queue = create(&served.client).await;
    let mut senders = JoinSet::new();
    for number in 0..300 {
        let send = served
            .client
            .send_message()
            .queue_url(&queue)
            .message_body(number.to_string());
        senders.spawn(send.send());
    }
    let mut receivers = JoinSet::new();
    for _ in 0..8 {
        let (client, queue) = (served.client.clone(), queue.clone());
        receivers.spawn(async move {
            let mut bodies = Vec::new();
            loop {
                let request = client
                    .receive_message()
                    .queue_url(&queue)
                    .max_number_of_messages(10);
                let messages = request
                    .wait_time_seconds(2)
                    .send()
                    .await
                    .unwrap()
                    .messages
                    .unwrap_or_default();
                if messages.is_empty() {
                    return bodies;
                }
                bodies.extend(messages.into_iter().filter_map(|message| message.body));
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap().unwrap();
    }
    let mut received = receivers.join_all().await.concat();
    received.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(
        received,
        (0..300).map(|number| number.to_string()).collect::<Vec<_>>()
    );
    served.stop().await;
}
