//! One message, from its receipt to its end: STARTED, the handler, progress, the outcome, the deletion; in that order, so
//! that a crash anywhere leads to a redelivery and never to a loss.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::backoff::Backoff;
use crate::context::{Reports, context};
use crate::failure::{Code, Failure};
use crate::handler::{AnyHandler, Ended, Handlers};
use crate::outcome::Outcomes;
use crate::queue::{Delivery, Queues};
use crate::task::Assignment;
use crate::work::{Begun, Pulse, WorkService};

/// How long STARTED or PROGRESS may hold up what follows. Nothing depends on them.
const NOTICE_MAX: Duration = Duration::from_secs(5);

/// A message and what is needed to deal with it.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) queues: Arc<Queues>,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) delivery: Delivery,
    pub(crate) progress_interval: Duration,
    pub(crate) work: Option<Arc<WorkService>>,
    pub(crate) heartbeat_interval: Duration,
}

impl Execution {
    /// Deals with the message, or gives it back when `abandon` is cancelled.
    pub(crate) async fn run(self, abandon: CancellationToken) {
        let Delivery {
            message_id,
            body,
            receive_count,
            ..
        } = &self.delivery;
        let assignment = match Assignment::read(body, *receive_count) {
            Ok(assignment) => assignment,
            Err(error) => {
                tracing::error!(message.id = %message_id, %error, "message left to the redrive policy");
                return;
            }
        };
        let task = &assignment.task;
        let Some(handler) = self.handlers.get(&task.job_type) else {
            let (id, kind) = (&task.job_id, &task.job_type);
            tracing::warn!(job.id = %id, job.type = kind, "job type has no handler here, task left to others");
            return;
        };
        let span = tracing::info_span!(
            "task",
            job.id = %task.job_id,
            job.type = task.job_type,
            task.dispatch = task.dispatch,
            task.attempt = task.attempt
        );
        async {
            tokio::select! {
                () = self.execute(assignment, handler) => {}
                never = self.keep_invisible() => match never {},
                () = abandon.cancelled() => self.give_back().await,
            }
        }
        .instrument(span)
        .await;
    }

    async fn execute(&self, assignment: Assignment, handler: Arc<dyn AnyHandler>) {
        let message_id = self.delivery.message_id.clone();
        let mut outcomes = Outcomes::new(&assignment, message_id, self.queues.outcome_bytes_max());
        let ended = match refusal(&assignment) {
            Some(failure) => Some(Err(failure)),
            None => self.handle(assignment, handler, &mut outcomes).await,
        };
        match ended {
            Some(ended) => {
                log(&ended);
                self.deliver(&outcomes.ended(&ended)).await;
            }
            None => tracing::info!("task dropped without an outcome"),
        }
        if let Err(error) = self.queues.delete(&self.delivery).await {
            tracing::warn!(%error, "task not deleted, it will come again");
        }
    }

    /// Runs the handler in a task of its own: a panic ends nothing else, and a handler that blocks its thread does not
    /// keep the message from being kept invisible. None when the server says that nobody waits for an outcome.
    async fn handle(
        &self,
        assignment: Assignment,
        handler: Arc<dyn AnyHandler>,
        outcomes: &mut Outcomes,
    ) -> Option<Ended> {
        let cancellation = CancellationToken::new();
        let work = self.work.as_ref().map(Arc::clone);
        let mut pulse = Pulse::new(work, &assignment, self.heartbeat_interval, cancellation.clone());
        match pulse.begin().await {
            Begun::Known => {}
            Begun::Untold => self.notice(&outcomes.started()).await,
            Begun::Unwanted => return None,
        }
        let (context, mut reports) = context(self.progress_interval, cancellation);
        let work = async move { handler.handle(assignment.task, &context).await };
        let mut work = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
        let ended = async {
            loop {
                tokio::select! {
                    biased;
                    ended = &mut work => return ended.unwrap_or_else(|_| Err(panicked())),
                    body = next_report(&mut reports, outcomes) => self.notice(&body).await,
                }
            }
        };
        let ended = tokio::select! {
            ended = ended => ended,
            never = pulse.beat() => match never {},
        };
        (!pulse.is_unwanted()).then_some(ended)
    }

    /// Sends what may as well get lost.
    async fn notice(&self, outcome: &str) {
        match timeout(NOTICE_MAX, self.queues.send(outcome)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "start or progress not reported"),
            Err(_) => tracing::warn!("start or progress not reported in time"),
        }
    }

    /// Sends what must not get lost, for as long as it takes.
    async fn deliver(&self, outcome: &str) {
        let mut backoff = Backoff::default();
        while let Err(error) = self.queues.send(outcome).await {
            let wait = backoff.next();
            tracing::warn!(%error, wait.seconds = wait.as_secs_f64(), "outcome not sent, to be tried again");
            sleep(wait).await;
        }
    }

    /// Renews the visibility timeout when half of it is over. A request that fails or hangs is made again while there is
    /// time left: a connection that died in silence would otherwise cost the rest.
    async fn keep_invisible(&self) -> Infallible {
        let half = self.queues.visibility_timeout() / 2;
        let mut wait = half;
        loop {
            sleep(wait).await;
            wait = half / 4;
            match timeout(half / 2, self.queues.keep(&self.delivery)).await {
                Ok(Ok(())) => wait = half,
                Ok(Err(error)) => tracing::warn!(%error, "task not kept invisible"),
                Err(_) => tracing::warn!("task not kept invisible in time"),
            }
        }
    }

    async fn give_back(&self) {
        match self.queues.release(&self.delivery).await {
            Ok(()) => tracing::info!("task given back"),
            Err(error) => {
                tracing::warn!(%error, "task not given back, it will come again after its visibility timeout")
            }
        }
    }
}

async fn next_report(reports: &mut Reports, outcomes: &mut Outcomes) -> String {
    let progress = reports.next().await;
    outcomes.progress(&progress)
}

/// Why a task is not even begun.
fn refusal(assignment: &Assignment) -> Option<Failure> {
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

/// What a panic says may hold anything; the panic hook prints it, the partner does not get it.
fn panicked() -> Failure {
    Failure::new(Code::Internal, "TASK_PANICKED", "the task ended unexpectedly")
}

fn log(ended: &Ended) {
    match ended {
        Ok(_) => tracing::info!("task succeeded"),
        Err(Failure {
            is_cancelled: true, ..
        }) => tracing::info!("task cancelled"),
        Err(Failure {
            code,
            reason,
            source: None,
            retryable,
            ..
        }) => {
            tracing::info!(
                error.code = code.name(),
                error.reason = reason,
                error.retryable = retryable,
                "task failed"
            );
        }
        Err(Failure {
            code,
            reason,
            source: Some(source),
            ..
        }) => {
            let error = source.as_ref();
            tracing::error!(
                error,
                error.code = code.name(),
                error.reason = reason,
                "task failed"
            );
        }
    }
}
