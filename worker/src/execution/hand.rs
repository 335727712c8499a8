//! A message in hand: what is asked of SQS about it, and what is told of its task.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::queue::{Delivery, Requests};
use crate::stopping::{Stop, Stopping};

/// How long STARTED or PROGRESS may hold up what follows. Nothing depends on them.
const NOTICE_MAX: Duration = Duration::from_secs(5);

/// A message, and the way to SQS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand<'a> {
    pub(super) requests: &'a Requests,
    pub(super) delivery: &'a Delivery,
}

impl Hand<'_> {
    /// Sends what may as well get lost.
    pub(super) async fn notice(&self, outcome: String) {
        match timeout(NOTICE_MAX, self.requests.send(outcome)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "start or progress not reported"),
            Err(_) => tracing::warn!("start or progress not reported in time"),
        }
    }

    /// Sends what must not get lost, for as long as it takes.
    pub(super) async fn deliver(&self, outcome: &str) {
        let (requests, mut backoff) = (self.requests, Backoff::default());
        let mut sent = requests.send(outcome.to_owned()).await;
        while let Err(error) = sent {
            let wait = backoff.next();
            tracing::warn!(%error, wait.seconds = wait.as_secs_f64(), "outcome not sent, to be tried again");
            sleep(wait).await;
            sent = requests.send_alone(outcome.to_owned()).await;
        }
    }

    pub(super) async fn delete(&self) {
        if let Err(error) = self.requests.delete(self.delivery).await {
            tracing::warn!(%error, "task not deleted, it will come again");
        }
    }

    /// Renews the visibility timeout when half of it is over. A request that fails or hangs is made again while there is
    /// time left: a connection that died in silence would otherwise cost the rest. Once there is none, another consumer may have
    /// the task.
    pub(super) async fn keep_invisible(
        &self,
        received: Instant,
        visibility_timeout: Duration,
        stopping: &Stopping,
    ) -> Infallible {
        let half = visibility_timeout / 2;
        let (mut wait, mut kept_until) = (half, received + visibility_timeout);
        loop {
            sleep(wait).await;
            wait = half / 4;
            let asked = Instant::now();
            match timeout(half / 2, self.requests.keep(self.delivery)).await {
                Ok(Ok(())) => (wait, kept_until) = (half, asked + visibility_timeout),
                Ok(Err(error)) => tracing::warn!(%error, "task not kept invisible"),
                Err(_) => tracing::warn!("task not kept invisible in time"),
            }
            if kept_until <= Instant::now() {
                stopping.ask(Stop::Lost);
            }
        }
    }

    pub(super) async fn retry_after(&self, delay: Duration) {
        let seconds = delay.as_secs_f64();
        match self.requests.hide(self.delivery, delay).await {
            Ok(()) => tracing::info!(wait.seconds = seconds, "task to be tried again here"),
            Err(error) => {
                tracing::warn!(%error, "task not put off, it will come again after its visibility timeout")
            }
        }
    }

    pub(super) async fn give_back(&self) {
        match self.requests.hide(self.delivery, Duration::ZERO).await {
            Ok(()) => tracing::info!("task given back"),
            Err(error) => {
                tracing::warn!(%error, "task not given back, it will come again after its visibility timeout")
            }
        }
    }
}
