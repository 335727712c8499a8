//! One attempt at a task: whether it begins at all, the handler at work, and what its end means for the task. Knows nothing of
//! queues, so that it is the same for a consumer and for the test kit.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::handler::{Ended, Registered};
use crate::policy::Policy;
use crate::stopping::Stop;
use crate::task::Assignment;

/// A handler at work.
#[derive(Debug)]
pub(crate) struct Attempt {
    work: AbortOnDropHandle<Ended>,
    panics_are_retryable: bool,
}

/// What becomes of a task whose handler has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Its outcome is told, then it is deleted.
    Told,
    /// It is deleted, and nothing told.
    Dropped,
    /// It comes again after this time.
    RetriedHere(Duration),
    /// It comes again at once.
    GivenBack,
    /// It is no longer ours, and comes again when SQS wants it to.
    Left,
}

/// Why a task is not even begun.
pub(crate) fn refusal(assignment: &Assignment) -> Option<Failure> {
    if assignment.task.deadline < SystemTime::now() {
        let message = "the deadline had passed before this attempt could begin";
        return Some(Failure::new(Code::DeadlineExceeded, "DEADLINE_PASSED", message));
    }
    if assignment.payload_elsewhere {
        let message = "the payload is in an object store, which this consumer cannot read";
        return Some(Failure::new(Code::Unimplemented, "PAYLOAD_ELSEWHERE", message));
    }
    None
}

impl Attempt {
    /// Begins, in a task of the runtime that ends with this: a panic ends nothing else, and a handler that blocks its thread does not
    /// keep the message from being kept invisible.
    pub(crate) fn begin(assignment: Assignment, registered: &Registered, context: Context) -> Self {
        let handler = Arc::clone(&registered.handler);
        let work = async move { handler.handle(assignment.task, &context).await };
        Self {
            work: AbortOnDropHandle::new(tokio::spawn(work.in_current_span())),
            panics_are_retryable: registered.policy.panics_are_retryable,
        }
    }

    /// Waits for its end. It may be awaited again after it was not awaited to the end.
    pub(crate) async fn ended(&mut self) -> Ended {
        match (&mut self.work).await {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => Err(panicked(self.panics_are_retryable)),
            // The runtime ends, and all of us with it: nothing is known of the task, so nothing is told.
            Err(_cancelled) => std::future::pending().await,
        }
    }
}

impl Settlement {
    /// What the end of this attempt means, with the reason why the handler had been asked to stop, if it had.
    pub(crate) fn of(ended: &Ended, attempt: u32, policy: &Policy, stop: Option<Stop>) -> Self {
        if stop == Some(Stop::Superseded) {
            return Self::Dropped;
        }
        let Err(failure) = ended else {
            return Self::Told;
        };
        if failure.is_cancelled {
            return match stop {
                Some(Stop::Draining) => Self::GivenBack,
                Some(Stop::Lost) => Self::Left,
                Some(Stop::Cancelled | Stop::Superseded) | None => Self::Told,
            };
        }
        // Whoever asked for a cancellation waits for an end, not for another try.
        if failure.retryable && stop != Some(Stop::Cancelled) {
            let delay = policy.retry_delay(attempt, failure.retry_delay);
            return delay.map_or(Self::Told, Self::RetriedHere);
        }
        Self::Told
    }
}

/// What a panic says may hold anything; the panic hook prints it, the partner does not get it.
fn panicked(is_retryable: bool) -> Failure {
    let failure = Failure::new(Code::Internal, "TASK_PANICKED", "the task ended unexpectedly");
    if is_retryable {
        failure.retryable()
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(5);

    fn away() -> Failure {
        Failure::new(Code::Unavailable, "AWAY", "away").retryable()
    }

    #[test]
    fn a_retryable_failure_is_tried_again_here_as_often_as_the_policy_says() {
        let policy = Policy::new().retry_here(2, DELAY);
        let of = |attempt, failure| Settlement::of(&Err(failure), attempt, &policy, None);
        assert_eq!(of(1, away()), Settlement::RetriedHere(DELAY));
        assert_eq!(of(2, away()), Settlement::RetriedHere(DELAY));
        assert_eq!(of(3, away()), Settlement::Told);
        let final_one = Failure::new(Code::NotFound, "GONE", "gone");
        assert_eq!(of(1, final_one), Settlement::Told);
        let its_own = away().retry_after(DELAY * 2);
        assert_eq!(of(1, its_own), Settlement::RetriedHere(DELAY * 2));
        let longer = Settlement::RetriedHere(Duration::from_secs(39_600));
        assert_eq!(of(1, away().retry_after(Duration::MAX)), longer);
    }

    #[test]
    fn a_failure_of_a_job_whose_cancellation_was_asked_for_is_told() {
        let policy = Policy::new().retry_here(2, DELAY);
        let cancelled = Settlement::of(&Err(away()), 1, &policy, Some(Stop::Cancelled));
        assert_eq!(cancelled, Settlement::Told);
        let draining = Settlement::of(&Err(away()), 1, &policy, Some(Stop::Draining));
        assert_eq!(draining, Settlement::RetriedHere(DELAY));
    }

    #[test]
    fn what_a_handler_did_all_the_same_is_told_unless_nobody_waits() {
        for stop in [
            None,
            Some(Stop::Lost),
            Some(Stop::Draining),
            Some(Stop::Cancelled),
        ] {
            assert_eq!(
                Settlement::of(&Ok(None), 1, &Policy::new(), stop),
                Settlement::Told
            );
        }
        let superseded = Settlement::of(&Ok(None), 1, &Policy::new(), Some(Stop::Superseded));
        assert_eq!(superseded, Settlement::Dropped);
    }

    #[test]
    fn a_handler_that_stops_has_cancelled_its_job_only_if_that_was_wanted() {
        let stopped = |stop| Settlement::of(&Err(Failure::cancelled()), 1, &Policy::new(), stop);
        assert_eq!(stopped(None), Settlement::Told);
        assert_eq!(stopped(Some(Stop::Cancelled)), Settlement::Told);
        assert_eq!(stopped(Some(Stop::Draining)), Settlement::GivenBack);
        assert_eq!(stopped(Some(Stop::Lost)), Settlement::Left);
        assert_eq!(stopped(Some(Stop::Superseded)), Settlement::Dropped);
    }
}
