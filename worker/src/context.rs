//! What a handler can tell and is told while it works. Who sends its progress, and when, is `execution`'s business.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::stopping::{Stop, Stopping};
use crate::trace::Trace;

/// The way from a running handler to those who wait for it.
///
/// ```
/// # use postern_worker::{Context, Failure, Handler, Task, testing::{Progress, Trial}};
/// struct Import;
///
/// impl Handler for Import {
///     const JOB_TYPE: &'static str = "example.import";
///     type Payload = Vec<String>;
///     type Output = ();
///
///     async fn handle(&self, task: Task<Vec<String>>, context: &Context) -> Result<(), Failure> {
///         for (done, row) in (1..).zip(&task.payload) {
///             if context.cancellation().is_cancelled() {
///                 return Err(Failure::cancelled());
///             }
///             context.progress(done, 2, format!("{row} is in"));
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let outcome = Trial::new(Import).payload(["one", "two"]).run().await;
/// assert_eq!(outcome.progress().len(), 2);
/// assert_eq!(outcome.progress()[1], Progress { completed: 2, total: 2, message: "two is in".to_owned() });
/// # }
/// ```
pub struct Context {
    tell: Box<dyn Fn(Progress) + Send + Sync>,
    stopping: Stopping,
    trace: Trace,
}

/// How far a task has come, as [`Context::progress`] told it; for tests ([`Running::progress`](crate::testing::Running::progress)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub completed: u32,
    /// What there is to do; 0 when that is not known.
    pub total: u32,
    /// For people.
    pub message: String,
}

impl Context {
    pub(crate) fn new(
        tell: impl Fn(Progress) + Send + Sync + 'static,
        stopping: Stopping,
        trace: Trace,
    ) -> Self {
        Self {
            tell: Box::new(tell),
            stopping,
            trace,
        }
    }

    /// Tells that `completed` of `total` are done, both below 2^31; a `total` of 0 means that it is not known. The
    /// message is for people, 2,048 bytes at most; it is cut there.
    ///
    /// Call it as often as you like: it returns at once, and the last word is sent when it is time for it
    /// ([`Builder::progress_interval`](crate::Builder::progress_interval)). One that is still waiting when the handler
    /// ends is dropped; the outcome says more. [`Context`] has an example.
    pub fn progress(&self, completed: u32, total: u32, message: impl Into<String>) {
        (self.tell)(Progress {
            completed,
            total,
            message: message.into(),
        });
    }

    /// Cancelled when the handler is asked to stop; [`Stop`] says for which reasons, and what becomes of the task.
    ///
    /// A handler that does stop returns [`Failure::cancelled`](crate::Failure::cancelled); one that goes on to its end is as right, as long as there
    /// is time: a consumer that stops waits for two seconds more. [`Context`] has an example.
    #[must_use]
    pub const fn cancellation(&self) -> &CancellationToken {
        self.stopping.token()
    }

    /// Why the handler is asked to stop; none as long as it is not. [`Stop`] has an example.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        self.stopping.reason()
    }

    /// The trace that the job belongs to, to be continued by what the handler calls. [`Trace`] has an example.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("stopping", &self.stopping)
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}

/// The other end: progress that is due.
#[derive(Debug)]
pub(crate) struct Reports {
    progress: watch::Receiver<Option<Progress>>,
    interval: Duration,
    due: Instant,
}

/// Reports of what is told: the first at once, then one an interval at most, with the last word.
pub(crate) fn reports(interval: Duration) -> (impl Fn(Progress) + Send + Sync + 'static, Reports) {
    let (sender, receiver) = watch::channel(None);
    let tell = move |progress| drop(sender.send_replace(Some(progress)));
    let reports = Reports {
        progress: receiver,
        interval,
        due: Instant::now(),
    };
    (tell, reports)
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

    fn context() -> (Context, Reports) {
        let (tell, reports) = reports(INTERVAL);
        (Context::new(tell, Stopping::default(), Trace::default()), reports)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_report_is_due_at_once_and_later_ones_wait_and_carry_the_last_word() {
        let (context, mut reports) = context();
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
        let (context, mut reports) = context();
        context.progress(1, 9, "one");
        reports.next().await;
        context.progress(2, 9, "two");
        assert!(timeout(INTERVAL / 2, reports.next()).await.is_err());
        assert_eq!(reports.next().await.completed, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn no_report_comes_where_nothing_was_told() {
        let (_context, mut reports) = context();
        assert!(timeout(INTERVAL * 10, reports.next()).await.is_err());
    }
}
