//! A handler at work in a test.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::outcome::Outcome;
use crate::attempt::{Attempt, Settlement, refusal};
use crate::context::{Context, Progress};
use crate::failure::Failure;
use crate::handler::Registered;
use crate::outcome::Outcomes;
use crate::policy::Policy;
use crate::stopping::{Stop, Stopping};
use crate::task::Assignment;

/// What a results queue takes, unless it is set to less.
const BODY_BYTES_MAX: usize = 1_048_576;

/// A handler that has begun, made by [`Trial::start`](super::Trial::start). Dropped, it takes the handler with it, as the death of a consumer does.
///
/// ```
/// # use postern_worker::{Context, Failure, Handler, Stop, Task, testing::{End, Trial}};
/// struct Wait;
///
/// impl Handler for Wait {
///     const JOB_TYPE: &'static str = "example.wait";
///     type Payload = serde_json::Value;
///     type Output = ();
///
///     async fn handle(&self, _task: Task<Self::Payload>, context: &Context) -> Result<(), Failure> {
///         context.progress(0, 1, "waiting");
///         context.cancellation().cancelled().await;
///         Err(Failure::cancelled())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut running = Trial::new(Wait).start();
/// assert_eq!(running.progress().await.unwrap().message, "waiting");
/// running.ask_to_stop(Stop::Cancelled);
/// assert_eq!(running.outcome().await.end(), &End::Cancelled);
/// # }
/// ```
#[derive(Debug)]
pub struct Running {
    begun: Result<Attempt, Failure>,
    told: UnboundedReceiver<Progress>,
    seen: Vec<Progress>,
    stopping: Stopping,
    outcomes: Outcomes,
    policy: Policy,
    attempt: u32,
}

impl Running {
    pub(super) fn begin(assignment: Assignment, registered: Registered) -> Self {
        let (sender, told) = unbounded_channel();
        let stopping = Stopping::default();
        let outcomes = Outcomes::new(&assignment, "test".to_owned(), BODY_BYTES_MAX);
        let attempt = assignment.task.attempt;
        // Nobody looks once the running one is dropped.
        let tell = move |progress| drop(sender.send(progress));
        let context = Context::new(tell, stopping.clone(), assignment.task.trace.clone());
        let begun = match refusal(&assignment) {
            Some(failure) => Err(failure),
            None => Ok(Attempt::begin(assignment, &registered, context)),
        };
        Self {
            begun,
            told,
            seen: Vec::new(),
            stopping,
            outcomes,
            policy: registered.policy,
            attempt,
        }
    }

    /// Waits for what the handler tells next of its progress; none when it has ended. A consumer would send the last word of each interval.
    pub async fn progress(&mut self) -> Option<Progress> {
        let progress = self.told.recv().await?;
        self.seen.push(progress.clone());
        Some(progress)
    }

    /// Asks the handler to stop, as a consumer does for this reason.
    pub fn ask_to_stop(&self, why: Stop) {
        self.stopping.ask(why);
    }

    /// Waits for the handler's end: what would have been told.
    pub async fn outcome(mut self) -> Outcome {
        let (ended, settlement) = match self.begun {
            Err(failure) => (Err(failure), Settlement::Told),
            Ok(mut attempt) => {
                let ended = attempt.ended().await;
                let settlement = Settlement::of(&ended, self.attempt, &self.policy, self.stopping.reason());
                (ended, settlement)
            }
        };
        while let Ok(progress) = self.told.try_recv() {
            self.seen.push(progress);
        }
        let body = (settlement == Settlement::Told).then(|| self.outcomes.ended(&ended));
        Outcome::new(settlement, body, self.seen)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use tokio::time::sleep;

    use crate::testing::{End, Trial};
    use crate::{Context, Failure, Handler, Task};

    use super::*;

    /// Waits for as many hours as its payload says.
    struct Patient;

    impl Handler for Patient {
        const JOB_TYPE: &'static str = "test.patient";
        type Payload = Value;
        type Output = Value;

        async fn handle(&self, task: Task<Value>, context: &Context) -> Result<Value, Failure> {
            for hour in 1..=3 {
                sleep(Duration::from_secs(3_600)).await;
                context.progress(hour, 3, "an hour is over");
            }
            Ok(task.payload)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_lets_hours_pass_and_all_progress_is_seen() {
        let outcome = Trial::new(Patient).payload(json!({"n": 1})).run().await;
        assert_eq!(outcome.result(), Some(&json!({"n": 1})));
        let completed: Vec<_> = outcome.progress().iter().map(|it| it.completed).collect();
        assert_eq!(completed, [1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_nobody_waits_for_is_not_told() {
        let mut running = Trial::new(Patient).start();
        running.progress().await.unwrap();
        running.ask_to_stop(Stop::Superseded);
        let outcome = running.outcome().await;
        assert_eq!((outcome.end(), outcome.body()), (&End::Dropped, None));
        assert_eq!(outcome.progress().len(), 3);
    }
}
