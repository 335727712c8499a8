//! Keeps a part running: starts it again after it was killed, and tells when it ended by itself, as none may.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;
use crate::part::{Part, Role};

/// Between two attempts to start what needs another part that is down.
const START_PAUSE: Duration = Duration::from_millis(50);

/// A part and who may end it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    part: Part,
    orders: mpsc::Receiver<Duration>,
    is_up: watch::Sender<bool>,
    ledger: Arc<Ledger>,
}

/// Kills a part.
#[derive(Debug)]
pub(crate) struct Handle {
    /// What the part does.
    pub(crate) role: Role,
    /// Its name.
    pub(crate) name: String,
    orders: mpsc::Sender<Duration>,
    is_up: watch::Receiver<bool>,
}

impl Supervisor {
    /// A part that runs from the start of [`Supervisor::run`], or does already.
    pub(crate) fn new(part: Part, ledger: Arc<Ledger>) -> (Self, Handle) {
        let (sender, orders) = mpsc::channel(1);
        let (is_up, up) = watch::channel(false);
        let handle = Handle {
            role: part.role,
            name: part.to_string(),
            orders: sender,
            is_up: up,
        };
        let supervisor = Self {
            part,
            orders,
            is_up,
            ledger,
        };
        (supervisor, handle)
    }

    /// Keeps the part running until the token is cancelled, then ends it.
    ///
    /// # Errors
    /// When a process cannot be ended.
    pub(crate) async fn run(mut self, until: CancellationToken) -> anyhow::Result<()> {
        loop {
            let started = tokio::select! {
                () = self.start() => true,
                () = until.cancelled() => false,
            };
            if !started {
                return self.part.kill().await;
            }
            self.is_up.send_replace(true);
            tokio::select! {
                () = until.cancelled() => return self.part.kill().await,
                Some(down) = self.orders.recv() => self.kill(down).await?,
                how = self.part.ended() => {
                    self.is_up.send_replace(false);
                    self.ledger.violation(format!("{} ended by itself: {how}", self.part));
                }
            }
        }
    }

    async fn kill(&mut self, down: Duration) -> anyhow::Result<()> {
        self.is_up.send_replace(false);
        self.part.kill().await?;
        self.ledger.killed(self.part.role, Instant::now());
        sleep(down).await;
        Ok(())
    }

    /// Starts the part, as often as it takes: it may need what is down.
    async fn start(&mut self) {
        while self.part.start().await.is_err() {
            sleep(START_PAUSE).await;
        }
    }
}

impl Handle {
    /// Whether the part is up.
    #[must_use]
    pub(crate) fn is_up(&self) -> bool {
        *self.is_up.borrow()
    }

    /// Ends it with SIGKILL and leaves it down for this time. False where it is down already, or about to be.
    pub(crate) fn kill(&self, down: Duration) -> bool {
        self.is_up() && self.orders.try_send(down).is_ok()
    }

    /// Returns once the part is up.
    pub(crate) async fn up(&mut self) {
        // The supervisor outlives its handle.
        let _ = self.is_up.wait_for(|is_up| *is_up).await;
    }
}
