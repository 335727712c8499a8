//! Those who receive: one when little comes, more while receives come full.
//!
//! Knows nothing of what messages say.

use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::linger;
use crate::queue::{BATCH_MAX, Received, Results};

/// Receives at once.
pub(super) const RECEIVERS_MAX: usize = 4;
/// So long a receive waits for the first message when there is no sign that one waits.
const WAIT: Duration = Duration::from_secs(20);
/// And when there is one: another receiver came back full.
const WAIT_BRIEFLY: Duration = Duration::from_secs(1);

/// What one receive brought.
pub(super) struct Batch {
    /// None where nothing waits.
    pub(super) messages: Vec<Received>,
    /// So long it waited for them.
    pub(super) waited: Duration,
}

/// All receivers of one queue.
pub(super) struct Receivers {
    results: Results,
    /// What they receive. No more is received than there is room for: it would be invisible to others, and come again later.
    batches: mpsc::Sender<Batch>,
    /// Told by a receiver that came back full.
    more: Notify,
    shutdown: CancellationToken,
}

impl Receivers {
    pub(super) fn new(results: Results, batches: mpsc::Sender<Batch>, shutdown: CancellationToken) -> Self {
        Self {
            results,
            batches,
            more: Notify::new(),
            shutdown,
        }
    }

    /// Receives until they are told to stop, or nobody takes any more.
    pub(super) async fn run(self) {
        let others = (1..RECEIVERS_MAX).map(|_| self.help());
        tokio::join!(self.lead(), futures::future::join_all(others));
    }

    /// The one that always receives.
    async fn lead(&self) {
        let mut backoff = Backoff::default();
        loop {
            let turn = self.receive(WAIT).await;
            if !matches!(turn, Turn::Failed) {
                backoff.reset();
            }
            let pause = match turn {
                Turn::Full | Turn::Empty => Duration::ZERO,
                Turn::Some(waited) => linger::after(waited),
                Turn::Failed => backoff.next(),
                Turn::Over => return,
            };
            self.pause(pause).await;
        }
    }

    /// One that receives while receives come full.
    async fn help(&self) {
        loop {
            tokio::select! {
                () = self.more.notified() => {}
                () = self.shutdown.cancelled() => return,
            }
            loop {
                match self.receive(WAIT_BRIEFLY).await {
                    Turn::Full => {}
                    // The leader goes on.
                    Turn::Some(_) | Turn::Empty | Turn::Failed => break,
                    Turn::Over => return,
                }
            }
        }
    }

    async fn receive(&self, wait: Duration) -> Turn {
        let received = async {
            let room = self.batches.reserve().await;
            let began = Instant::now();
            (room, self.results.receive(wait).await, began)
        };
        let (room, received, began) = tokio::select! {
            received = received => received,
            // What SQS hands out to nobody now comes again after its visibility timeout.
            () = self.shutdown.cancelled() => return Turn::Over,
        };
        let (Ok(room), waited) = (room, began.elapsed()) else {
            return Turn::Over;
        };
        match received {
            Ok(messages) => {
                let turn = Turn::of(messages.len(), waited);
                if matches!(turn, Turn::Full) {
                    self.more.notify_one();
                }
                room.send(Batch { messages, waited });
                turn
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "outcomes could not be received"
                );
                Turn::Failed
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.shutdown.cancelled() => {}
        }
    }
}

/// What one receive came to.
enum Turn {
    /// As many messages as can be.
    Full,
    /// Some, after so long.
    Some(Duration),
    /// None in time.
    Empty,
    Failed,
    /// It was told to stop.
    Over,
}

impl Turn {
    const fn of(count: usize, waited: Duration) -> Self {
        match count {
            0 => Self::Empty,
            1..BATCH_MAX => Self::Some(waited),
            _ => Self::Full,
        }
    }
}
