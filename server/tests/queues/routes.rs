//! Each task goes to the queue of its job type.

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
