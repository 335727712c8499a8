//! The wish that a handler stops, and whose wish it is. Stopping is the handler's own doing.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Why a handler is asked to stop ([`Context::stop`](crate::Context::stop)).
///
/// A handler that does stop returns [`Failure::cancelled`](crate::Failure::cancelled), whatever the reason; what becomes of the task then is said
/// here. One that goes on to its end is as right, and its outcome is told, but for [`Stop::Superseded`].
///
/// ```
/// # use postern_worker::{Context, Failure, Handler, Stop, Task, testing::{End, Trial}};
/// struct Copy;
///
/// impl Handler for Copy {
///     const JOB_TYPE: &'static str = "example.copy";
///     type Payload = serde_json::Value;
///     type Output = ();
///
///     async fn handle(&self, _task: Task<Self::Payload>, context: &Context) -> Result<(), Failure> {
///         context.cancellation().cancelled().await;
///         if context.stop() == Some(Stop::Cancelled) {
///             // What was copied so far is removed; in any other case, whoever gets the task next goes on from there.
///         }
///         Err(Failure::cancelled())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// for (why, end) in [
///     (Stop::Lost, End::Left),
///     (Stop::Draining, End::GivenBack),
///     (Stop::Cancelled, End::Cancelled),
///     (Stop::Superseded, End::Dropped),
/// ] {
///     let running = Trial::new(Copy).start();
///     running.ask_to_stop(why);
///     assert_eq!(running.outcome().await.end(), &end);
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
// In this order: a later one outweighs those before it.
pub enum Stop {
    /// SQS may have handed the task to another consumer, since it could not be kept invisible: it is left where it is.
    Lost,
    /// The consumer stops, and its grace is over: the task is given back, and begins anew at another consumer, or at this one once it runs again.
    Draining,
    /// The partner asked for the cancellation of the job: it becomes CANCELLED. Known with a work service alone
    /// ([`Builder::work_service`](crate::Builder::work_service)).
    Cancelled,
    /// Nobody waits for its outcome any more: the job has ended, or was handed out anew. The task is deleted, and nothing told, also when its handler
    /// goes on to its end. Known with a work service alone.
    Superseded,
}

/// Shared by a handler and those who may ask it to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopping {
    token: CancellationToken,
    reason: Arc<Mutex<Option<Stop>>>,
}

impl Stopping {
    /// Asks the handler to stop.
    pub(crate) fn ask(&self, why: Stop) {
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if *reason < Some(why) {
            tracing::info!(stop.reason = ?why, "handler is asked to stop");
            *reason = Some(why);
        }
        drop(reason);
        self.token.cancel();
    }

    /// Why it is asked to stop, if it is.
    pub(crate) fn reason(&self) -> Option<Stop> {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn token(&self) -> &CancellationToken {
        &self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weightiest_reason_counts_in_whatever_order_they_come() {
        let stopping = Stopping::default();
        assert_eq!(stopping.reason(), None);
        stopping.ask(Stop::Cancelled);
        stopping.ask(Stop::Draining);
        assert_eq!(stopping.reason(), Some(Stop::Cancelled));
        stopping.ask(Stop::Superseded);
        assert_eq!(stopping.reason(), Some(Stop::Superseded));
        assert!(stopping.token().is_cancelled());
    }
}
