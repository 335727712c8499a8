//! The loop that receives tasks for handlers that are free, and the drain at its end. What becomes of one task is
//! `execution`'s business.

mod builder;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::execution::{Execution, Shared};
use crate::queue::{Delivery, Gathering};

pub use builder::Builder;

/// What handlers have left to stop once they are asked to.
const STOP_MAX: Duration = Duration::from_secs(2);
/// What giving tasks back may take at the end.
const GIVE_BACK_MAX: Duration = Duration::from_secs(3);

/// Takes tasks from the jobs queue, has handlers execute them, and sends their outcomes to the results queue.
///
/// Made by [`Consumer::builder`]. The [crate] has an example.
#[derive(Debug)]
pub struct Consumer {
    receiver: Receiver,
    gathering: Gathering,
}

/// The half that receives.
#[derive(Debug)]
struct Receiver {
    shared: Arc<Shared>,
    concurrency: usize,
    drain_grace: Duration,
}

impl Consumer {
    /// What a consumer needs to know. [`sqs_client`](crate::sqs_client) makes a client; any other of the AWS SDK will do. [`Builder`] has an example.
    pub fn builder(client: aws_sdk_sqs::Client) -> Builder {
        Builder::new(client)
    }

    /// Executes tasks until `shutdown` is cancelled. Failing queues are tried again for ever, at growing intervals.
    ///
    /// Then no more tasks are received, those that were received and have not begun are given back, and those under way have the grace that
    /// [`Builder::drain_grace`] gives. When that is over, handlers are asked to stop ([`Stop::Draining`](crate::Stop)), and what has not ended two
    /// seconds later is dropped. All that is given back is visible in the queue again, for another consumer. Idle, it returns at once.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = self.receiver.run(shutdown) => {}
            never = self.gathering.run() => match never {},
        }
    }
}

impl Receiver {
    /// Until all is ended, or given back.
    async fn run(self, shutdown: CancellationToken) {
        let mut running = JoinSet::new();
        let mut backoff = Backoff::default();
        tracing::info!(consumer.concurrency = self.concurrency, consumer.handlers = ?self.shared.handlers, "consumer ready");
        loop {
            // A receive that is broken off here may have taken tasks that nobody will see before their visibility
            // timeout is over; waiting for its answer could take 20 s.
            let deliveries = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                deliveries = self.next(&mut backoff) => deliveries,
            };
            for delivery in deliveries {
                if let Some(execution) = Execution::accept(&self.shared, delivery) {
                    running.spawn(execution.run());
                }
            }
            while let Some(ended) = running.try_join_next() {
                log(ended);
            }
        }
        self.drain(running).await;
        tracing::info!("consumer stopped");
    }

    /// Waits for a free place, then for tasks; none when there were none for a while, or when SQS fails.
    async fn next(&self, backoff: &mut Backoff) -> Vec<Delivery> {
        let free = self.shared.places.free().await;
        match self.shared.queues.receive(free).await {
            Ok(deliveries) => {
                backoff.reset();
                deliveries
            }
            Err(error) => {
                let wait = backoff.next();
                tracing::warn!(%error, wait.seconds = wait.as_secs_f64(), "tasks not received, to be tried again");
                sleep(wait).await;
                Vec::new()
            }
        }
    }

    async fn drain(&self, mut running: JoinSet<()>) {
        let ending = &self.shared.ending;
        for (step, patience) in [
            (&ending.closing, self.drain_grace),
            (&ending.stopping, STOP_MAX),
            (&ending.abandoning, GIVE_BACK_MAX),
        ] {
            step.cancel();
            if timeout(patience, finish(&mut running)).await.is_ok() {
                return;
            }
            tracing::warn!(tasks = running.len(), "tasks not finished in time");
        }
        running.shutdown().await;
    }
}

async fn finish(running: &mut JoinSet<()>) {
    while let Some(ended) = running.join_next().await {
        log(ended);
    }
}

fn log(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        // Not the handler, which has a task of its own: a defect of this crate. The message comes again.
        tracing::error!(%error, "execution broke off");
    }
}
