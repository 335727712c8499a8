//! The loop that keeps the issuers' keys: at start, every five minutes, and when somebody comes with a key that is new.
//!
//! One fetch at a time for each issuer, and never two within the cool-down because of unknown keys, however many are made up.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::ConfigError;
use super::endpoint::Endpoint;
use super::issuer::{Issuer, Known};

const EVERY: Duration = Duration::from_mins(5);
/// After a failure: while known keys hold, nobody waits for this.
const EVERY_FAILED: Duration = Duration::from_secs(30);

/// Fetches keys while it runs.
#[derive(Debug, Default)]
pub struct Refresh {
    issuers: Vec<Fetcher>,
}

#[derive(Debug)]
struct Fetcher {
    endpoint: Endpoint,
    known: watch::Sender<Known>,
    asked: Arc<Notify>,
}

impl Refresh {
    /// Keeps the keys of one more issuer.
    pub(super) fn add(&mut self, url: String, refused: &Arc<[String]>) -> Result<Issuer, ConfigError> {
        let (sender, known) = watch::channel(Known::default());
        let asked = Arc::new(Notify::new());
        let issuer = Issuer::new(&url, known, Arc::clone(&asked));
        let endpoint = Endpoint::new(url, Arc::clone(refused))?;
        self.issuers.push(Fetcher {
            endpoint,
            known: sender,
            asked,
        });
        Ok(issuer)
    }

    /// Fetches keys until it is told to stop. An issuer that does not answer holds up no other.
    pub async fn run(self, shutdown: CancellationToken) {
        join_all(self.issuers.iter().map(|issuer| issuer.run(&shutdown))).await;
    }
}

impl Fetcher {
    async fn run(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let round = async {
                let answered = self.fetch().await;
                self.wait(if answered { EVERY } else { EVERY_FAILED }).await;
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = round => {}
            }
        }
    }

    /// Whether there was an answer.
    async fn fetch(&self) -> bool {
        match self.endpoint.fetch().await {
            Ok(keys) => {
                self.known.send_modify(|known| known.answered(keys));
                true
            }
            Err(error) => {
                tracing::warn!(
                    issuer = self.endpoint.issuer(),
                    error = &error as &dyn std::error::Error,
                    "the issuer's keys could not be fetched"
                );
                self.known.send_modify(Known::failed);
                false
            }
        }
    }

    async fn wait(&self, longest: Duration) {
        let cools_until = self.known.borrow().cools_until();
        tokio::select! {
            () = sleep(longest) => {}
            () = self.asked_after(cools_until) => {}
        }
    }

    /// Waits until somebody asks. Who asked before the fetch ended has its answer already.
    async fn asked_after(&self, cools_until: Option<Instant>) {
        loop {
            self.asked.notified().await;
            if cools_until.is_none_or(|end| Instant::now() >= end) {
                return;
            }
        }
    }
}
