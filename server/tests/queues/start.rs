//! What a start makes of queues that are missing, wrong, or out of reach.

use postern_chaos::faults::{Refusal, Trouble};
use postern_server::queue::{self, Error};

use crate::world::{Sqs, World};

/// Three quarters of what every queue takes.
const CAUTIOUS_BYTES: usize = 196_608;

async fn comes_up_without(trouble: Trouble) {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[("slow", "slow-jobs")]).await);
    sqs.link.set(trouble);
    let queues = world.open(&sqs.linked()).await;
    assert_eq!(queues.jobs.payload_bytes_max(None), CAUTIOUS_BYTES);
    world.dispatch(&queues);
    let jobs = [world.submit("usual").await, world.submit("slow").await];
    sqs.link.set(Trouble::None);
    // Found missing by then, or still out of reach: neither is the end.
    queue::create(&sqs.counted(), world.catalog.queues())
        .await
        .unwrap();
    assert_eq!(sqs.tasks("jobs", 1).await, [jobs[0]]);
    assert_eq!(sqs.tasks("slow-jobs", 1).await, [jobs[1]]);
    assert_eq!(queues.jobs.payload_bytes_max(None), 786_432);
    world.stop().await;
}

#[tokio::test]
async fn a_server_comes_up_while_sqs_refuses_connections_and_sends_later() {
    comes_up_without(Trouble::Reset).await;
}

#[tokio::test]
async fn a_server_comes_up_while_sqs_is_silent_and_sends_later() {
    comes_up_without(Trouble::HalfOpen).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_queue_for_good_stops_the_start() {
    let sqs = Sqs::start().await;
    for name in ["jobs", "results"] {
        sqs.create(name, None).await;
    }
    let config = sqs.counted();
    let open = async |named: &'static str| queue::open(&config, [named]).await.map(drop).unwrap_err();
    assert!(matches!(open("gone").await, Error::Missing(name) if name == "gone"));
    let url = format!("http://{}/000000000000/gone", sqs.gate.address);
    assert!(matches!(open(url.leak()).await, Error::Missing(_)));
    // What AWS says of the URL of another region.
    sqs.gate
        .refuse("GetQueueAttributes", Refusal::Error(404, "InvalidAddress"));
    assert!(matches!(open("jobs").await, Error::Missing(_)));
    sqs.gate.allow();
    assert!(matches!(open("jobs.fifo").await, Error::Fifo(name) if name == "jobs.fifo"));
    assert!(matches!(open("results").await, Error::Shared(name) if name == "results"));
}

#[tokio::test]
async fn a_queue_that_is_missing_stops_the_start_although_another_cannot_be_reached() {
    let sqs = Sqs::start().await;
    sqs.create("jobs", None).await;
    let mut config = sqs.counted();
    config.results = "gone".to_owned();
    // Every attribute is refused, so that neither queue is found whole.
    sqs.gate
        .refuse("GetQueueAttributes", Refusal::Error(503, "ServiceUnavailable"));
    let error = queue::open(&config, []).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Missing(name) if name == "gone"));
}

#[tokio::test]
async fn a_queue_that_cannot_be_found_yet_holds_up_no_other() {
    let sqs = Sqs::start().await;
    for name in ["jobs", "results", "slow-jobs"] {
        sqs.create(name, None).await;
    }
    let url = sqs.url("slow-jobs").await;
    let mut world = World::new(&[("slow", &url)]).await;
    // By its URL a queue is found all the same.
    sqs.gate
        .refuse("GetQueueUrl", Refusal::Error(503, "ServiceUnavailable"));
    let queues = world.open(&sqs.counted()).await;
    world.dispatch(&queues);
    let jobs = [world.submit("usual").await, world.submit("slow").await];
    assert_eq!(sqs.tasks("slow-jobs", 1).await, [jobs[1]]);
    sqs.gate.allow();
    assert_eq!(sqs.tasks("jobs", 1).await, [jobs[0]]);
    world.stop().await;
}
