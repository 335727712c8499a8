//! What a handler can tell and is told while it works. Knows the latest progress only; who sends it, and when, is `execution`'s
//! business.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// The way from a running handler to those who wait for it.
#[derive(Debug)]
pub struct Context {
    progress: watch::Sender<Option<Progress>>,
    cancellation: CancellationToken,
}

/// How far a task has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) completed: u32,
    pub(crate) total: u32,
    pub(crate) message: String,
}

impl Context {
    /// Tells that `completed` of `total` are done, both below 2^31; a `total` of 0 means that it is not known. The
    /// message is for people, 2,048 bytes at most; it is cut there.
    ///
    /// Call it as often as you like: it returns at once, and the last word is sent when it is time for it
    /// ([`Builder::progress_interval`](crate::Builder::progress_interval)). One that is still waiting when the handler
    /// ends is dropped; the outcome says more.
    pub fn progress(&self, completed: u32, total: u32, message: impl Into<String>) {
        self.progress.send_replace(Some(Progress {
            completed,
            total,
            message: message.into(),
        }));
    }

    /// Cancelled when the handler may stop: its partner asked for the cancellation of the job, or nobody waits for its outcome any more. Known
    /// with a work service alone ([`Builder::work_service`](crate::Builder::work_service)).
    ///
    /// A handler that does stop returns [`Failure::cancelled`](crate::Failure::cancelled); one that goes on to its end is as right.
    #[must_use]
    pub const fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }
}

/// The other end: progress that is due.
#[derive(Debug)]
pub(crate) struct Reports {
    progress: watch::Receiver<Option<Progress>>,
    interval: Duration,
    due: Instant,
}

/// A context, and the reports that come out of it: the first at once, then one an interval at most.
pub(crate) fn context(interval: Duration, cancellation: CancellationToken) -> (Context, Reports) {
    let (sender, receiver) = watch::channel(None);
    (
        Context {
            progress: sender,
            cancellation,
        },
        Reports {
            progress: receiver,
            interval,
            due: Instant::now(),
        },
    )
}

impl Reports {
    /// Waits for the next one that is due; for ever when there will be none. Nothing is lost when it is not awaited to
    /// its end.
    pub(crate) async fn next(&mut self) -> Progress {
        sleep_until(self.due).await;
        loop {
            if self.progress.changed().await.is_err() {
                // The handler has ended, which whoever waits here will see by himself.
                std::future::pending::<()>().await;
            }
            if let Some(progress) = self.progress.borrow_and_update().clone() {
                self.due = Instant::now() + self.interval;
                return progress;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_first_report_is_due_at_once_and_later_ones_wait_and_carry_the_last_word() {
        let (context, mut reports) = context(INTERVAL, CancellationToken::new());
        let began = Instant::now();
        context.progress(1, 9, "one");
        assert_eq!(reports.next().await.completed, 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
        for completed in 2..=7 {
            context.progress(completed, 9, "more");
        }
        assert_eq!(reports.next().await.completed, 7);
        assert_eq!(began.elapsed(), INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_was_not_waited_for_is_not_lost() {
        let (context, mut reports) = context(INTERVAL, CancellationToken::new());
        context.progress(1, 9, "one");
        reports.next().await;
        context.progress(2, 9, "two");
        assert!(timeout(INTERVAL / 2, reports.next()).await.is_err());
        assert_eq!(reports.next().await.completed, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn no_report_comes_where_nothing_was_told() {
        let (_context, mut reports) = context(INTERVAL, CancellationToken::new());
        assert!(timeout(INTERVAL * 10, reports.next()).await.is_err());
    }
}
