//! Each task goes to the queue of its job type.

use postern_chaos::faults::{Refusal, Trouble};
use postern_server::job::JobId;

use crate::world::{Sqs, World};

#[tokio::test]
async fn the_tasks_of_each_job_type_go_to_its_queue() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[("slow", "slow-jobs")]).await);
    let config = sqs.counted();
    postern_server::queue::create(&config, world.catalog.queues())
        .await
        .unwrap();
    let queues = world.open(&config).await;
    world.dispatch(&queues);
    let (usual, slow) = (world.submit("usual").await, world.submit("slow").await);
    assert_eq!(sqs.tasks("jobs", 1).await, [usual]);
    assert_eq!(sqs.tasks("slow-jobs", 1).await, [slow]);
    world.stop().await;
}

/// A name, a URL, and a URL by another way: what was due before the loop started fits into one request.
#[tokio::test]
async fn two_names_of_one_queue_share_their_requests() {
    let sqs = Sqs::start().await;
    for name in ["jobs", "results"] {
        sqs.create(name, None).await;
    }
    let (direct, gate) = (sqs.url("jobs").await, sqs.gate.address);
    let around = format!("http://{gate}/000000000000/jobs");
    let mut world = World::new(&[("named", "jobs"), ("direct", &direct), ("around", &around)]).await;
    let mut jobs = Vec::new();
    for job_type in ["usual", "named", "direct", "around"] {
        jobs.push(world.submit(job_type).await);
    }
    let queues = world.open(&sqs.counted()).await;
    world.dispatch(&queues);
    let mut sent = sqs.tasks("jobs", 4).await;
    sent.sort_unstable();
    assert_eq!(sent, jobs);
    world.stop().await;
    assert_eq!(sqs.gate.asked()["SendMessageBatch"], 1);
}

#[tokio::test]
async fn each_queue_says_how_large_payloads_of_its_job_types_may_be() {
    let sqs = Sqs::start().await;
    let world = World::new(&[("small", "small-jobs")]).await;
    for name in ["jobs", "results"] {
        sqs.create(name, None).await;
    }
    let create = sqs.client.create_queue().queue_name("small-jobs");
    let limit = aws_sdk_sqs::types::QueueAttributeName::MaximumMessageSize;
    create.attributes(limit, "2048").send().await.unwrap();
    let queues = world.open(&sqs.counted()).await;
    assert_eq!(queues.jobs.payload_bytes_max(None), 786_432);
    assert_eq!(queues.jobs.payload_bytes_max(Some("small-jobs")), 1_536);
}

/// Deleted under a running server: its tasks wait, and those of the others do not even notice.
#[tokio::test]
async fn a_queue_that_fails_holds_up_no_other_and_gets_its_tasks_later() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[("slow", "slow-jobs")]).await);
    let config = sqs.counted();
    postern_server::queue::create(&config, world.catalog.queues())
        .await
        .unwrap();
    let queues = world.open(&config).await;
    let delete = sqs.client.delete_queue().queue_url(sqs.url("slow-jobs").await);
    delete.send().await.unwrap();
    world.dispatch(&queues);
    let slow = world.submit("slow").await;
    for _ in 0..20 {
        let usual = world.submit("usual").await;
        assert_eq!(sqs.tasks("jobs", 1).await, [usual]);
    }
    sqs.create("slow-jobs", None).await;
    assert_eq!(sqs.tasks("slow-jobs", 1).await, [slow]);
    world.stop().await;
}

/// It was missing when SQS could be reached again after the start.
#[tokio::test]
async fn a_queue_that_is_not_found_holds_up_no_other_and_gets_its_tasks_later() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[("slow", "slow-jobs")]).await);
    sqs.link.set(Trouble::Reset);
    let queues = world.open(&sqs.linked()).await;
    for name in ["jobs", "results"] {
        sqs.create(name, None).await;
    }
    sqs.link.set(Trouble::None);
    world.dispatch(&queues);
    let (slow, usual) = (world.submit("slow").await, world.submit("usual").await);
    assert_eq!(sqs.tasks("jobs", 1).await, [usual]);
    sqs.create("slow-jobs", None).await;
    assert_eq!(sqs.tasks("slow-jobs", 1).await, [slow]);
    world.stop().await;
}

/// What was tried and not sent goes behind what is new, or a task that can never be sent would hold up all; and it counts as sent.
#[tokio::test]
async fn while_a_queue_fails_few_tasks_are_tried() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&[]).await);
    let config = sqs.counted();
    postern_server::queue::create(&config, []).await.unwrap();
    let queues = world.open(&config).await;
    sqs.gate
        .refuse("SendMessageBatch", Refusal::Error(400, "KmsDisabled"));
    let mut jobs: Vec<JobId> = Vec::new();
    for _ in 0..200 {
        jobs.push(world.submit("usual").await);
    }
    world.dispatch(&queues);
    // Five requests, and a probe each.
    sqs.gate.refused(8).await;
    assert!(world.claimed().await <= 100, "{}", world.claimed().await);
    sqs.gate.allow();
    let mut sent = sqs.tasks("jobs", 200).await;
    sent.sort_unstable();
    jobs.sort_unstable();
    assert!(sent == jobs);
    world.stop().await;
}
