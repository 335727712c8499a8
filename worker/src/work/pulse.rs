//! One execution and the work service: asked before it begins, told that it is alive, and told of a cancellation by the answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::{Answer, Decision, Execution, WorkService};
use crate::stopping::{Stop, Stopping};
use crate::task::{Assignment, OutcomeToken};

/// However near the deadline is, by clocks that may differ.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// However often somebody wants it.
const INTERVAL_MAX_LEAST: Duration = Duration::from_millis(10);

/// The heartbeats of one execution; none without a work service.
#[derive(Debug)]
pub(crate) struct Pulse {
    service: Option<Arc<WorkService>>,
    outcome_token: OutcomeToken,
    attempt: u32,
    interval: Duration,
    interval_max: Duration,
    stopping: Stopping,
}

/// What the server says to the start of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It knows of the start.
    Known,
    /// It was not asked, or did not answer.
    Untold,
    /// Nobody wants it any more: the task is to be dropped without an outcome.
    Unwanted,
}

impl Pulse {
    /// Beats at least once an `interval_max`, and asks by `stopping` that the handler stops.
    pub(crate) fn new(
        service: Option<Arc<WorkService>>,
        assignment: &Assignment,
        interval_max: Duration,
        stopping: Stopping,
    ) -> Self {
        let interval_max = interval_max.max(INTERVAL_MAX_LEAST);
        Self {
            service,
            outcome_token: assignment.outcome_token.clone(),
            attempt: assignment.task.attempt,
            interval: interval_max,
            interval_max,
            stopping,
        }
    }

    /// Asks whether the task is still wanted.
    pub(crate) async fn begin(&mut self) -> Begun {
        let Some(service) = &self.service else {
            return Begun::Untold;
        };
        match service.begin(&self.execution()).await {
            Ok(answer) if answer.decision == Decision::Go => {
                self.reckon(&answer);
                Begun::Known
            }
            Ok(answer) => {
                tracing::info!(task.decision = ?answer.decision, "task is not wanted any more");
                Begun::Unwanted
            }
            Err(error) => {
                tracing::warn!(%error, "work service did not answer, task begins all the same");
                Begun::Untold
            }
        }
    }

    /// Beats for as long as it is awaited.
    pub(crate) async fn beat(&mut self) -> Infallible {
        while let Some(service) = self.service.as_ref().map(Arc::clone) {
            sleep(self.interval).await;
            match service.heartbeat(&self.execution()).await {
                Ok(answer) => self.heed(&answer),
                Err(error) => tracing::warn!(%error, "heartbeat not answered"),
            }
            if self.stopping.reason() == Some(Stop::Superseded) {
                break;
            }
        }
        std::future::pending().await
    }

    fn heed(&mut self, answer: &Answer) {
        self.reckon(answer);
        match answer.decision {
            Decision::Go if answer.cancel_requested => self.stopping.ask(Stop::Cancelled),
            Decision::Go => {}
            Decision::Cancelled | Decision::Superseded => self.stopping.ask(Stop::Superseded),
        }
    }

    /// Three beats may get lost before the server gives the execution up.
    fn reckon(&mut self, answer: &Answer) {
        if let Some(deadline) = answer.deadline() {
            let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
            self.interval = (left / 4).max(INTERVAL_MIN).min(self.interval_max);
        }
    }

    fn execution(&self) -> Execution<'_> {
        Execution {
            outcome_token: self.outcome_token.as_str(),
            attempt: self.attempt,
        }
    }
}
