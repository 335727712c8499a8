//! The dead letters of several queues of tasks.

use std::sync::Arc;
use std::time::Duration;

use postern_chaos::faults::Trouble;
use postern_server::job::JobId;
use postern_server::queue::Queues;
use postern_server::sweep::{DeadLetterReader, DeadLetters};
use tokio::time::Instant;

use crate::SOON;
use crate::world::{Sqs, World};

impl World {
    fn sweep(&mut self, queues: &Queues) {
        let sweep = DeadLetters {
            store: self.store.clone(),
            letters: queues.dead_letters.clone(),
            reader: DeadLetterReader {
                catalog: Arc::clone(&self.catalog),
                seal: self.seal.clone(),
                grace: Duration::from_mins(1),
            },
            meters: Default::default(),
        };
        self.tasks.spawn(sweep.run(self.shutdown.clone()));
    }

    /// Waits until each was found among the dead letters.
    async fn buried(&self, jobs: &[JobId]) {
        let deadline = Instant::now() + SOON;
        for id in jobs {
            while self.job(*id).await.dead_letter.is_none() {
                assert!(Instant::now() < deadline, "{id} is not among the dead letters");
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Sqs {
    /// Two queues share their dead letters, a third has its own, a fourth has none.
    async fn create_all(&self) {
        for name in ["own-dlq", "shared-dlq", "results"] {
            self.create(name, None).await;
        }
        self.create("jobs", Some("own-dlq")).await;
        self.create("one", Some("shared-dlq")).await;
        self.create("two", Some("shared-dlq")).await;
        self.create("none", None).await;
    }

    /// Receives the only task of a queue, too often.
    async fn die(&self, name: &str) {
        let (url, received) = (self.url(name).await, self.receive(name, 20).await);
        let give_back = self.client.change_message_visibility().queue_url(url);
        let receipt = received[0].receipt_handle().unwrap();
        let give_back = give_back.receipt_handle(receipt).visibility_timeout(0);
        give_back.send().await.unwrap();
        assert!(self.receive(name, 0).await.is_empty());
    }
}

const JOB_TYPES: [(&str, &str); 3] = [("first", "one"), ("second", "two"), ("third", "none")];

#[tokio::test]
async fn the_dead_letters_of_every_queue_are_linked_to_their_jobs() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&JOB_TYPES).await);
    sqs.create_all().await;
    let queues = world.open(&sqs.counted()).await;
    world.dispatch(&queues);
    world.sweep(&queues);
    let mut jobs = Vec::new();
    for (job_type, queue) in [("usual", "jobs"), ("first", "one"), ("second", "two")] {
        jobs.push(world.submit(job_type).await);
        sqs.die(queue).await;
    }
    world.buried(&jobs).await;
    world.stop().await;
}

#[tokio::test]
async fn a_queue_of_dead_letters_that_several_share_is_read_once() {
    let (sqs, world) = (Sqs::start().await, World::new(&JOB_TYPES).await);
    sqs.create_all().await;
    let queues = world.open(&sqs.counted()).await;
    assert_eq!(queues.dead_letters.queues().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_queue_that_is_missing_keeps_no_dead_letters_of_others() {
    let (sqs, mut world) = (Sqs::start().await, World::new(&JOB_TYPES).await);
    // Had SQS answered, the server would not have started.
    sqs.link.set(Trouble::Reset);
    let queues = world.open(&sqs.linked()).await;
    sqs.create_all().await;
    let url = sqs.url("jobs").await;
    sqs.client.delete_queue().queue_url(url).send().await.unwrap();
    sqs.link.set(Trouble::None);
    world.dispatch(&queues);
    world.sweep(&queues);
    let job = world.submit("second").await;
    sqs.die("two").await;
    world.buried(&[job]).await;
    world.stop().await;
}
