//! What an outcome makes of a job: the rules of the work protocol, and nothing but them.

use super::{Event, EventKind, Failure, Job, Outcome, Progress, State, Timestamp};

/// What came of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The job changed in a way that a reader can see, so its revision rose. The entry for its history, where it is worth one.
    Changed(Option<EventKind>),
    /// It is handed out again: revision and dispatch rose. Its next task is due at this time.
    Requeued {
        /// When to send it.
        due: Timestamp,
    },
    /// Only its deadline moved on.
    Extended,
    /// It changed nothing.
    Ignored(Ignored),
}

/// Why an outcome changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// The job had ended, or has been handed out anew since: an anomaly worth a line in its history.
    Late,
    /// Something newer of the same dispatch is known.
    Stale,
}

/// Whether and when a failed execution is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a job is handed out at most.
    pub dispatches: i32,
    /// How long to wait before the next, where the consumer does not say.
    pub backoff_millis: i64,
}

/// Where a report stands among those of its dispatch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) attempt: Option<i32>,
    pub(super) seq: Option<i64>,
}

impl Position {
    const fn of(outcome: &Outcome) -> Self {
        Self {
            attempt: outcome.attempt,
            seq: outcome.seq,
        }
    }
}

impl Job {
    /// Applies an outcome of a consumer. `retry` says what holds for a failure of the current dispatch.
    ///
    /// The caller has made sure that the outcome is authentic and that its event was not seen before.
    pub fn apply(&mut self, outcome: &Outcome, retry: RetryPolicy, now: Timestamp) -> Applied {
        if self.state.is_terminal() || outcome.dispatch != self.dispatch {
            return Applied::Ignored(Ignored::Late);
        }
        match &outcome.event {
            Event::Started => self.start(Position::of(outcome), now),
            Event::Progress(progress) => self.advance(Position::of(outcome), progress.as_ref(), now),
            Event::Succeeded { .. } => self.end(State::Succeeded, EventKind::Succeeded, now),
            Event::Unusable(why) => self.fail(Failure::outcome_invalid(why), now),
            Event::Failed {
                failure,
                retryable,
                retry_delay_millis,
            } => {
                if outcome.attempt.is_some() && outcome.attempt < self.attempt {
                    return Applied::Ignored(Ignored::Stale);
                }
                if *retryable && self.dispatch < retry.dispatches && !self.cancel_requested {
                    return self.requeue(retry_delay_millis.unwrap_or(retry.backoff_millis), now);
                }
                self.fail(failure.clone(), now)
            }
            Event::Cancelled => self.end(State::Cancelled, EventKind::Cancelled, now),
        }
    }

    pub(super) fn start(&mut self, told: Position, now: Timestamp) -> Applied {
        let known = self.state == State::Running && told.attempt.is_some() && told.attempt <= self.attempt;
        if known || self.is_stale(told) {
            return Applied::Ignored(Ignored::Stale);
        }
        self.begin(told, now);
        self.changed(now);
        Applied::Changed(Some(EventKind::Started))
    }

    pub(super) fn advance(&mut self, told: Position, progress: Option<&Progress>, now: Timestamp) -> Applied {
        if self.is_stale(told) {
            return Applied::Ignored(Ignored::Stale);
        }
        // A first attempt to be named may be the one that is running.
        let is_newer = self.attempt.is_some() && told.attempt > self.attempt;
        let begins = self.state == State::Queued || is_newer;
        if begins {
            self.begin(told, now);
        }
        self.attempt = told.attempt.or(self.attempt);
        self.seq = told.seq.or(self.seq);
        self.restart_clock(now);
        let moved = progress.is_some() && self.progress.as_ref() != progress;
        if moved {
            self.progress = progress.cloned();
        }
        if !begins && !moved {
            return Applied::Extended;
        }
        self.changed(now);
        Applied::Changed(begins.then_some(EventKind::Started))
    }

    /// Whether something newer of this dispatch is known, by (attempt, seq) where both sides have them.
    fn is_stale(&self, told: Position) -> bool {
        match (told.attempt, self.attempt) {
            (Some(attempt), Some(known)) if attempt != known => attempt < known,
            _ => matches!((told.seq, self.seq), (Some(seq), Some(known)) if seq <= known),
        }
    }

    /// A new execution begins: what an earlier one reported no longer holds.
    fn begin(&mut self, told: Position, now: Timestamp) {
        self.state = State::Running;
        self.attempt = told.attempt.or(self.attempt);
        self.seq = told.seq;
        self.progress = None;
        self.start_time = Some(now);
        self.restart_clock(now);
    }

    /// The execution clock starts anew, unless it has stopped: what was under way when a task was found among the dead letters must not bring
    /// it back to life.
    fn restart_clock(&mut self, now: Timestamp) {
        if self.dead_letter.is_none() {
            self.deadline = now.plus_millis(self.timeouts.execution_millis);
        }
    }

    /// It waits to be executed, as if nobody had begun.
    pub(super) fn enter_queue(&mut self, now: Timestamp) {
        self.state = State::Queued;
        self.attempt = None;
        self.seq = None;
        self.dead_letter = None;
        self.start_time = None;
        self.progress = None;
        self.deadline = now.plus_millis(self.timeouts.queue_millis);
    }

    fn requeue(&mut self, delay_millis: i64, now: Timestamp) -> Applied {
        self.dispatch += 1;
        self.enter_queue(now);
        self.changed(now);
        Applied::Requeued {
            due: now.plus_millis(delay_millis),
        }
    }

    fn fail(&mut self, failure: Failure, now: Timestamp) -> Applied {
        self.failure = Some(failure);
        self.end(State::Failed, EventKind::Failed, now)
    }

    pub(super) fn end(&mut self, state: State, kind: EventKind, now: Timestamp) -> Applied {
        self.state = state;
        self.dead_letter = None;
        self.end_time = Some(now);
        self.purge_time = Some(now.plus_millis(self.timeouts.retention_millis));
        self.changed(now);
        Applied::Changed(Some(kind))
    }

    pub(super) fn changed(&mut self, now: Timestamp) {
        self.revision += 1;
        // A clock that was set back must not make a job look older than its last change.
        self.update_time = self.update_time.max(now);
    }
}
