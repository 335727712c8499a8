//! One message, from its receipt to its end: a place, STARTED, the handler, progress, the outcome, the deletion; in that
//! order, so that a crash anywhere leads to a redelivery and never to a loss.

mod hand;

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::attempt::{Attempt, Settlement, refusal};
use crate::context::{Context, Reports, reports};
use crate::failure::Failure;
use crate::handler::{Ended, Handlers, Registered};
use crate::outcome::Outcomes;
use crate::places::{Claim, Places};
use crate::queue::{Delivery, Queues, Requests};
use crate::stopping::{Stop, Stopping};
use crate::task::Assignment;
use crate::work::{Begun, Pulse, WorkService};

use hand::Hand;

/// What the executions of a consumer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queues: Queues,
    pub(crate) requests: Requests,
    pub(crate) handlers: Handlers,
    pub(crate) places: Arc<Places>,
    pub(crate) progress_interval: Duration,
    pub(crate) work: Option<Arc<WorkService>>,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) ending: Ending,
}

/// The end of a consumer, in three steps.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// Nothing more begins: what waits for a place is given back.
    pub(crate) closing: CancellationToken,
    /// The grace is over: handlers are asked to stop.
    pub(crate) stopping: CancellationToken,
    /// What has not stopped by now is dropped and given back.
    pub(crate) abandoning: CancellationToken,
}

/// A message with a task for one of the handlers.
#[derive(Debug)]
pub(crate) struct Execution {
    shared: Arc<Shared>,
    delivery: Delivery,
    received: Instant,
    assignment: Assignment,
    registered: Registered,
    claim: Claim,
    stopping: Stopping,
}

impl Execution {
    /// Reads a message, and claims a place for its task; none when it is nothing that is executed here.
    pub(crate) fn accept(shared: &Arc<Shared>, mut delivery: Delivery) -> Option<Self> {
        // Not kept for as long as the handler runs: the task has what is in it.
        let body = std::mem::take(&mut delivery.body);
        let assignment = match Assignment::read(&body, delivery.receive_count) {
            Ok(assignment) => assignment,
            Err(error) => {
                tracing::error!(message.id = delivery.message_id, %error, "message left to the redrive policy");
                return None;
            }
        };
        let (id, job_type) = (&assignment.task.job_id, &assignment.task.job_type);
        let Some(registered) = shared.handlers.get(job_type) else {
            tracing::warn!(job.id = %id, job.type = job_type, "job type has no handler here, task left to others");
            return None;
        };
        Some(Self {
            shared: Arc::clone(shared),
            received: Instant::now(),
            registered: registered.clone(),
            claim: shared.places.claim(registered.job_type),
            stopping: Stopping::default(),
            delivery,
            assignment,
        })
    }

    /// Deals with the message.
    pub(crate) async fn run(self) {
        let task = &self.assignment.task;
        let span = tracing::info_span!(
            "task",
            job.id = %task.job_id,
            job.type = task.job_type,
            task.dispatch = task.dispatch,
            task.attempt = task.attempt,
            trace.id = task.trace.trace_id(),
            trace.parent = task.trace.parent_id(),
        );
        self.attend().instrument(span).await;
    }

    async fn attend(self) {
        let Self {
            shared,
            delivery,
            received,
            assignment,
            registered,
            claim,
            stopping,
        } = self;
        let hand = Hand {
            requests: &shared.requests,
            delivery: &delivery,
        };
        let course = Course {
            hand,
            shared: &shared,
            registered: &registered,
            stopping: &stopping,
        };
        let visibility_timeout = shared.queues.visibility_timeout();
        tokio::select! {
            () = course.run(claim, assignment) => {}
            never = hand.keep_invisible(received, visibility_timeout, &stopping) => match never {},
            () = shared.ending.abandoning.cancelled() => hand.give_back().await,
        }
    }
}

/// What happens to a message while it is in hand.
struct Course<'a> {
    hand: Hand<'a>,
    shared: &'a Shared,
    registered: &'a Registered,
    stopping: &'a Stopping,
}

impl Course<'_> {
    /// Executes the task once there is a place for it, unless the consumer stops before that, or another one may have it.
    async fn run(&self, claim: Claim, assignment: Assignment) {
        let place = tokio::select! {
            biased;
            () = self.shared.ending.closing.cancelled() => return self.hand.give_back().await,
            () = self.stopping.token().cancelled() => return self.leave(),
            place = claim.place() => place,
        };
        self.execute(assignment).await;
        drop(place);
    }

    async fn execute(&self, assignment: Assignment) {
        let (message_id, attempt) = (self.hand.delivery.message_id.clone(), assignment.task.attempt);
        let mut outcomes = Outcomes::new(&assignment, message_id, self.shared.queues.outcome_bytes_max());
        let (ended, settlement) = match refusal(&assignment) {
            Some(failure) => (Err(failure), Settlement::Told),
            None => match self.handle(assignment, &mut outcomes).await {
                Some(ended) => {
                    let policy = &self.registered.policy;
                    let settlement = Settlement::of(&ended, attempt, policy, self.stopping.reason());
                    (ended, settlement)
                }
                None => (Ok(None), Settlement::Dropped),
            },
        };
        match settlement {
            Settlement::Told => {
                log(&ended);
                self.hand.deliver(&outcomes.ended(&ended)).await;
                self.hand.delete().await;
            }
            Settlement::Dropped => {
                tracing::info!("task dropped without an outcome");
                self.hand.delete().await;
            }
            Settlement::RetriedHere(delay) => {
                log(&ended);
                self.hand.retry_after(delay).await;
            }
            Settlement::GivenBack => self.hand.give_back().await,
            Settlement::Left => tracing::info!("task left, as another consumer may have it"),
        }
    }

    /// Runs the handler to its end. None when the server says, before it begins, that nobody waits for an outcome.
    async fn handle(&self, assignment: Assignment, outcomes: &mut Outcomes) -> Option<Ended> {
        let shared = self.shared;
        let work = shared.work.as_ref().map(Arc::clone);
        let mut pulse = Pulse::new(
            work,
            &assignment,
            shared.heartbeat_interval,
            self.stopping.clone(),
        );
        match pulse.begin().await {
            Begun::Known => {}
            Begun::Untold => self.hand.notice(outcomes.started()).await,
            Begun::Unwanted => return None,
        }
        let (tell, mut reports) = reports(shared.progress_interval);
        let context = Context::new(tell, self.stopping.clone(), assignment.task.trace.clone());
        let mut attempt = Attempt::begin(assignment, self.registered, context);
        let ended = async {
            loop {
                tokio::select! {
                    biased;
                    ended = attempt.ended() => return ended,
                    body = next_report(&mut reports, outcomes) => self.hand.notice(body).await,
                }
            }
        };
        tokio::select! {
            ended = ended => Some(ended),
            never = pulse.beat() => match never {},
            never = self.ask_to_stop_in_the_end() => match never {},
        }
    }

    async fn ask_to_stop_in_the_end(&self) -> Infallible {
        self.shared.ending.stopping.cancelled().await;
        self.stopping.ask(Stop::Draining);
        pending().await
    }

    /// It could not be kept invisible while it waited: begun here, it would be executed twice.
    fn leave(&self) {
        tracing::info!("task left before it began, as another consumer may have it");
        self.shared.places.forget_gone();
    }
}

async fn next_report(reports: &mut Reports, outcomes: &mut Outcomes) -> String {
    let progress = reports.next().await;
    outcomes.progress(&progress)
}

fn log(ended: &Ended) {
    let failure = match ended {
        Ok(_) => return tracing::info!("task succeeded"),
        Err(failure) if failure.is_cancelled => return tracing::info!("task cancelled"),
        Err(failure) => failure,
    };
    let Failure {
        code,
        reason,
        retryable,
        ..
    } = failure;
    let code = code.name();
    match failure.source.as_deref() {
        None => {
            tracing::info!(
                error.code = code,
                error.reason = reason,
                error.retryable = retryable,
                "task failed"
            )
        }
        Some(source) => {
            let error: &(dyn std::error::Error + 'static) = source;
            tracing::error!(
                error,
                error.code = code,
                error.reason = reason,
                error.retryable = retryable,
                "task failed"
            )
        }
    }
}
