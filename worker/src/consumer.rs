//! The loop that receives tasks for handlers that are free, and the drain at its end. What becomes of one task is
//! `execution`'s business.

mod builder;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::execution::Execution;
use crate::handler::Handlers;
use crate::queue::{Delivery, Queues};
use crate::work::WorkService;

pub use builder::Builder;

/// What giving tasks back may take at the end.
const GIVE_BACK_MAX: Duration = Duration::from_secs(3);

/// Takes tasks from the jobs queue, has handlers execute them, and sends their outcomes to the results queue.
///
/// Made by [`Consumer::builder`].
#[derive(Debug)]
pub struct Consumer {
    queues: Arc<Queues>,
    handlers: Arc<Handlers>,
    concurrency: usize,
    drain_grace: Duration,
    progress_interval: Duration,
    work: Option<Arc<WorkService>>,
    heartbeat_interval: Duration,
}

impl Consumer {
    /// What a consumer needs to know. [`sqs_client`](crate::sqs_client) makes a client; any other of the AWS SDK will do.
    pub fn builder(client: aws_sdk_sqs::Client) -> Builder {
        Builder::new(client)
    }

    /// Executes tasks until `shutdown` is cancelled. Failing queues are tried again for ever, at growing intervals.
    ///
    /// Then no more tasks are received, those under way have the grace that [`Builder::drain_grace`] gives, and what is
    /// not finished by then is dropped and made visible in the queue again, for another consumer. Idle, it returns at
    /// once.
    pub async fn run(self, shutdown: CancellationToken) {
        let abandon = CancellationToken::new();
        let mut running = JoinSet::new();
        let mut backoff = Backoff::default();
        tracing::info!(consumer.concurrency = self.concurrency, consumer.handlers = ?self.handlers, "consumer ready");
        loop {
            // A receive that is broken off here may have taken tasks that nobody will see before their visibility
            // timeout is over; waiting for its answer could take 20 s.
            let deliveries = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                deliveries = self.next(&mut running, &mut backoff) => deliveries,
            };
            for delivery in deliveries {
                running.spawn(self.execution(delivery).run(abandon.clone()));
            }
        }
        self.drain(running, &abandon).await;
        tracing::info!("consumer stopped");
    }

    /// Waits for a free handler, then for tasks; none when there were none for a while, or when SQS fails.
    async fn next(&self, running: &mut JoinSet<()>, backoff: &mut Backoff) -> Vec<Delivery> {
        while let Some(ended) = running.try_join_next() {
            log(ended);
        }
        while running.len() >= self.concurrency {
            if let Some(ended) = running.join_next().await {
                log(ended);
            }
        }
        match self.queues.receive(self.concurrency - running.len()).await {
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

    fn execution(&self, delivery: Delivery) -> Execution {
        Execution {
            queues: Arc::clone(&self.queues),
            handlers: Arc::clone(&self.handlers),
            delivery,
            progress_interval: self.progress_interval,
            work: self.work.as_ref().map(Arc::clone),
            heartbeat_interval: self.heartbeat_interval,
        }
    }

    async fn drain(&self, mut running: JoinSet<()>, abandon: &CancellationToken) {
        if timeout(self.drain_grace, finish(&mut running)).await.is_ok() {
            return;
        }
        tracing::warn!(
            tasks = running.len(),
            "tasks not finished in time, to be given back"
        );
        abandon.cancel();
        if timeout(GIVE_BACK_MAX, finish(&mut running)).await.is_err() {
            running.shutdown().await;
        }
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
