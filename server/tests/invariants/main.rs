//! What holds of a job whatever happens to it, in whichever order: every state against everything that can happen once, and long lives of
//! random happenings.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod diagram;

use std::collections::BTreeSet;

use postern_server::job::{
    Applied, Cancellation, Code, Conclusion, DeadLetter, DeadLetterPolicy, Decision, Event, EventKind,
    Execution, Failure, Job, JobId, NotRetried, Outcome, PartnerId, Progress, Redrive, RetryPolicy, State,
    Timeouts, Timestamp,
};

const POLICY: RetryPolicy = RetryPolicy {
    dispatches: 3,
    backoff_millis: 5_000,
};
const TIMEOUTS: Timeouts = Timeouts {
    queue_millis: 1_000_000,
    execution_millis: 60_000,
    retention_millis: 9_000_000,
};

/// A job, and what its row knows besides.
#[derive(Debug, Clone)]
struct Life {
    job: Job,
    claimed_dispatch: i32,
}

/// Something that happens to a job.
#[derive(Debug, Clone)]
enum Happening {
    /// Its task is claimed for sending, if it is due.
    Claim,
    Cancel,
    /// Its partner asks for the same again, as a new job.
    Retry(JobId),
    Begin(Execution),
    Heartbeat(Execution, Option<Progress>),
    Outcome(Outcome),
    /// Somebody looks at its deadline at this time.
    Expire(Timestamp),
    /// The task of a dispatch is found among the dead letters.
    Bury(i32, DeadLetterPolicy),
    /// An operator wants its task to be sent again.
    Redrive,
    /// An operator ends it.
    Conclude(Conclusion),
}

/// What came of it, as far as only its caller knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    Cancellation(Cancellation),
    Retry(Result<(), NotRetried>),
    Decision(Decision),
    Expired(Option<EventKind>),
    Buried(Applied),
    Redriven(Redrive),
    Concluded(Option<EventKind>),
}

impl Life {
    fn new() -> Self {
        let now = Timestamp::from_millis(0);
        Self {
            job: Job::new(JobId::new(0), PartnerId::new("acme"), TIMEOUTS, now),
            claimed_dispatch: 0,
        }
    }

    fn is_claimed(&self) -> bool {
        self.claimed_dispatch >= self.job.dispatch
    }

    fn live(&mut self, happening: &Happening, now: Timestamp) -> Answer {
        let is_claimed = self.is_claimed();
        match happening {
            Happening::Claim => {
                if self.job.state == State::Queued {
                    self.claimed_dispatch = self.job.dispatch;
                }
                Answer::Nothing
            }
            Happening::Cancel => Answer::Cancellation(self.job.cancel(is_claimed, now)),
            Happening::Retry(successor) => Answer::Retry(self.job.retry(*successor, now)),
            Happening::Begin(execution) => Answer::Decision(self.job.begin_task(*execution, now).0),
            Happening::Heartbeat(execution, progress) => {
                Answer::Decision(self.job.heartbeat(*execution, progress.as_ref(), now).0)
            }
            Happening::Outcome(outcome) => {
                self.job.apply(outcome, POLICY, now);
                Answer::Nothing
            }
            Happening::Expire(at) => Answer::Expired(self.job.expire(*at)),
            Happening::Bury(dispatch, policy) => Answer::Buried(self.job.bury(*dispatch, *policy, now)),
            Happening::Redrive => Answer::Redriven(self.job.redrive(now)),
            Happening::Conclude(conclusion) => Answer::Concluded(self.job.conclude(conclusion, now)),
        }
    }
}

/// Lets it happen, and holds what became of the job against everything that must hold.
fn live(life: &mut Life, happening: &Happening, now: Timestamp) -> Answer {
    let before = life.clone();
    let answer = life.live(happening, now);
    let told = || format!("{before:?}\n{happening:?}\n{life:?}\n{answer:?}");
    let (old, new) = (&before.job, &life.job);
    assert!(
        !old.state.is_terminal() || ended(old) == ended(new),
        "an end is final: {}",
        told()
    );
    let rise = i32::from(visible(old) != visible(new));
    assert_eq!(
        new.revision - old.revision,
        rise,
        "a visible change is one revision: {}",
        told()
    );
    assert!(new.update_time >= old.update_time, "{}", told());
    let is_dead = old.dead_letter.is_some() && old.dead_letter == new.dead_letter;
    assert!(
        !is_dead || old.deadline == new.deadline,
        "nothing moves the deadline of a task that is dead: {}",
        told()
    );
    assert!(is_sound(new), "{}", told());
    assert!(may_become(&before, happening, new), "{}", told());
    assert!(is_honest(&before, happening, answer, new), "{}", told());
    answer
}

/// What a reader of the job sees, but for the deadline, which moves without a revision.
fn visible(job: &Job) -> Job {
    Job {
        revision: 0,
        attempt: None,
        seq: None,
        dead_letter: None,
        update_time: Timestamp::from_millis(0),
        deadline: Timestamp::from_millis(0),
        ..job.clone()
    }
}

/// What never changes once a job has ended: all but the name of its successor, which is a revision like any other.
fn ended(job: &Job) -> Job {
    Job {
        retried_by: None,
        ..visible(job)
    }
}

/// What a state says about the rest.
fn is_sound(job: &Job) -> bool {
    let ended = job.state.is_terminal();
    let execution = match job.state {
        State::Queued => {
            let position = job.attempt.is_some() || job.seq.is_some();
            job.start_time.is_none() && job.progress.is_none() && !position
        }
        State::Running => job.start_time.is_some(),
        State::Succeeded | State::Failed | State::Cancelled | State::Expired => true,
    };
    execution
        && ended == job.end_time.is_some()
        && ended == job.purge_time.is_some()
        && !(ended && job.dead_letter.is_some())
        && matches!(job.state, State::Failed | State::Expired) == job.failure.is_some()
        && (job.retried_by.is_none()
            || matches!(job.state, State::Failed | State::Cancelled | State::Expired))
        && job.dispatch <= POLICY.dispatches
}

/// Which happening may lead from where to where.
fn may_become(before: &Life, happening: &Happening, new: &Job) -> bool {
    let old = &before.job;
    let is_current = match happening {
        Happening::Claim
        | Happening::Cancel
        | Happening::Retry(_)
        | Happening::Expire(_)
        | Happening::Redrive
        | Happening::Conclude(_) => true,
        Happening::Bury(dispatch, _) => *dispatch == old.dispatch,
        Happening::Begin(execution) | Happening::Heartbeat(execution, _) => {
            execution.dispatch == old.dispatch
        }
        Happening::Outcome(outcome) => outcome.dispatch == old.dispatch,
    };
    if !is_current {
        return old == new;
    }
    let event = if let Happening::Outcome(outcome) = happening {
        Some(&outcome.event)
    } else {
        None
    };
    match (old.state, new.state) {
        (State::Queued | State::Running, State::Queued) if new.dispatch == old.dispatch + 1 => {
            matches!(event, Some(Event::Failed { retryable: true, .. })) && !old.cancel_requested
        }
        (State::Running, State::Queued) => {
            matches!(happening, Happening::Redrive) && old.dead_letter == Some(DeadLetter::Held)
        }
        (State::Queued, State::Running) => {
            let may_start = matches!(happening, Happening::Begin(_)) && !old.cancel_requested;
            may_start
                || matches!(happening, Happening::Heartbeat(..))
                || matches!(event, Some(Event::Started | Event::Progress(_)))
        }
        (State::Queued | State::Running, State::Succeeded) => {
            matches!(event, Some(Event::Succeeded { .. }))
                || matches!(happening, Happening::Conclude(Conclusion::Succeeded))
        }
        (State::Queued | State::Running, State::Failed) => {
            let is_dead = old.dead_letter == Some(DeadLetter::Failing);
            matches!(event, Some(Event::Failed { .. } | Event::Unusable(_)))
                || matches!(happening, Happening::Conclude(Conclusion::Failed { .. }))
                || is_dead && matches!(happening, Happening::Expire(at) if *at >= old.deadline)
        }
        (State::Queued, State::Cancelled) => {
            let begun_for_nothing = matches!(happening, Happening::Begin(_)) && old.cancel_requested;
            let nobody_began = matches!(happening, Happening::Cancel) && !before.is_claimed();
            begun_for_nothing || nobody_began || event == Some(&Event::Cancelled)
        }
        (State::Running, State::Cancelled) => event == Some(&Event::Cancelled),
        (State::Queued | State::Running, State::Expired) => {
            let is_dead = old.dead_letter == Some(DeadLetter::Failing);
            !is_dead && matches!(happening, Happening::Expire(at) if *at >= old.deadline)
        }
        (from, to) => from == to && old.dispatch == new.dispatch,
    }
}

/// Whether what was told and asked has come out as promised.
fn is_honest(before: &Life, happening: &Happening, answer: Answer, new: &Job) -> bool {
    let old = &before.job;
    let is_open = !old.state.is_terminal();
    match (happening, answer) {
        (Happening::Claim, _) => old == new,
        (Happening::Cancel, Answer::Cancellation(Cancellation::AtOnce)) => new.state == State::Cancelled,
        (Happening::Cancel, Answer::Cancellation(Cancellation::Requested)) => {
            is_open && new.state == old.state && new.cancel_requested && !old.cancel_requested
        }
        (Happening::Cancel, Answer::Cancellation(Cancellation::Known)) => {
            old == new && (old.cancel_requested || old.state == State::Cancelled)
        }
        (Happening::Cancel, Answer::Cancellation(Cancellation::TooLate)) => {
            !is_open && old.state != State::Cancelled
        }
        (Happening::Retry(successor), Answer::Retry(Ok(()))) => {
            !is_open && old.state != State::Succeeded && new.retried_by == Some(*successor)
        }
        (Happening::Retry(_), Answer::Retry(Err(NotRetried::NotTerminal))) => is_open && old == new,
        (Happening::Retry(_), Answer::Retry(Err(NotRetried::Succeeded))) => {
            old.state == State::Succeeded && old == new
        }
        (Happening::Begin(_), Answer::Decision(Decision::Go)) => {
            new.state == State::Running && !new.cancel_requested
        }
        (Happening::Begin(_), Answer::Decision(Decision::Cancelled)) => {
            new.state.is_terminal() || (old == new && old.cancel_requested)
        }
        (Happening::Heartbeat(..), Answer::Decision(Decision::Go)) => {
            new.state == State::Running || old == new
        }
        (Happening::Heartbeat(..), Answer::Decision(Decision::Cancelled)) => !is_open,
        (Happening::Begin(execution) | Happening::Heartbeat(execution, _), answer) => {
            answer == Answer::Decision(Decision::Superseded) && execution.dispatch != old.dispatch
        }
        // A success that is told in time is never shown as anything else.
        (Happening::Outcome(outcome), _) => {
            let succeeded = matches!(outcome.event, Event::Succeeded { .. });
            !succeeded || !is_open || outcome.dispatch != old.dispatch || new.state == State::Succeeded
        }
        // Why an end is unknown depends on what was known.
        (Happening::Expire(at), Answer::Expired(Some(_))) => {
            let reason = match (old.state, old.dead_letter) {
                (State::Queued | State::Running, Some(DeadLetter::Failing)) => "TASK_DEAD_LETTERED",
                (State::Queued, _) | (State::Running, Some(DeadLetter::Held)) => "QUEUE_TIMEOUT",
                (State::Running, None) => "EXECUTION_TIMEOUT",
                (State::Succeeded | State::Failed | State::Cancelled | State::Expired, _) => return false,
            };
            let failure = new.failure.as_ref();
            *at >= old.deadline && failure.is_some_and(|failure| failure.reason == reason)
        }
        (Happening::Expire(at), Answer::Expired(None)) => old == new && (!is_open || *at < old.deadline),
        (Happening::Conclude(conclusion), Answer::Concluded(kind)) => {
            let said = match conclusion {
                Conclusion::Failed { .. } => (EventKind::Failed, State::Failed),
                Conclusion::Succeeded => (EventKind::Succeeded, State::Succeeded),
            };
            kind.map_or(!is_open && old == new, |kind| {
                is_open && (kind, new.state) == said
            })
        }
        (happening, answer) => is_honest_of_the_dead(old, happening, answer, new),
    }
}

fn is_honest_of_the_dead(old: &Job, happening: &Happening, answer: Answer, new: &Job) -> bool {
    match (happening, answer) {
        (Happening::Bury(dispatch, _), Answer::Buried(Applied::Extended)) => {
            *dispatch == old.dispatch && old.dead_letter.is_none() && new.dead_letter.is_some()
        }
        (Happening::Bury(..), Answer::Buried(Applied::Ignored(_))) => old == new,
        (Happening::Redrive, Answer::Redriven(Redrive::NotHeld)) => {
            old == new && old.dead_letter != Some(DeadLetter::Held)
        }
        (Happening::Redrive, Answer::Redriven(redrive)) => {
            let was_held = old.dead_letter == Some(DeadLetter::Held);
            let is_seen = redrive == Redrive::Visible;
            let is_again = new.state == State::Queued && new.dispatch == old.dispatch;
            was_held && is_again && new.dead_letter.is_none() && is_seen == (old.state == State::Running)
        }
        (_, _) => false,
    }
}

#[test]
fn everything_that_can_happen_in_any_state_keeps_what_holds() {
    let (lives, happenings) = (every_life(), every_happening());
    let mut seen = BTreeSet::new();
    for life in &lives {
        for happening in &happenings {
            let mut life = life.clone();
            let old = format!("{:?}", life.job.state);
            // Not the time of anything that was before.
            live(&mut life, happening, Timestamp::from_millis(777));
            seen.insert((old, format!("{:?}", life.job.state)));
        }
    }
    let open = ["Queued", "Running"];
    let reached: Vec<_> = seen
        .iter()
        .filter(|(old, new)| open.contains(&old.as_str()) && old != new)
        .map(|(old, new)| format!("{old} {new}"))
        .collect();
    assert_eq!(
        reached,
        [
            "Queued Cancelled",
            "Queued Expired",
            "Queued Failed",
            "Queued Running",
            "Queued Succeeded",
            "Running Cancelled",
            "Running Expired",
            "Running Failed",
            "Running Queued",
            "Running Succeeded",
        ]
    );
}

/// What is told twice in a row is told once: consumers and partners repeat a call whose answer they did not get.
#[test]
fn asking_the_same_again_decides_nothing_anew() {
    for life in every_life() {
        for happening in every_happening() {
            let (Happening::Cancel
            | Happening::Begin(_)
            | Happening::Heartbeat(..)
            | Happening::Expire(_)
            | Happening::Bury(..)
            | Happening::Redrive
            | Happening::Conclude(_)) = happening
            else {
                continue;
            };
            let mut life = life.clone();
            live(&mut life, &happening, Timestamp::from_millis(777));
            let once = life.job.clone();
            live(&mut life, &happening, Timestamp::from_millis(888));
            let again = life.job;
            assert_eq!(
                (again.state, again.cancel_requested, again.dispatch),
                (once.state, once.cancel_requested, once.dispatch)
            );
            let begins_anew = matches!(happening, Happening::Begin(Execution { attempt: None, .. }));
            assert!(
                begins_anew || again.revision == once.revision,
                "{happening:?}\n{once:?}"
            );
        }
    }
}

#[test]
fn no_life_breaks_what_holds() {
    let mut ends = BTreeSet::new();
    let mut answers = BTreeSet::new();
    for seed in 1..=4_000 {
        let mut random = Random(seed);
        let mut life = Life::new();
        for step in 0..40 {
            let happening = random.happening(&life);
            // Clocks are set back now and then.
            let jump = if random.below(20) == 0 { 600_000 } else { 0 };
            let now = Timestamp::from_millis(1 + i64::from(step) * 1_000 - jump);
            answers.insert(format!("{:?}", live(&mut life, &happening, now)));
        }
        ends.insert(format!("{:?} {}", life.job.state, life.job.dispatch));
    }
    for end in ["Succeeded", "Failed", "Cancelled", "Expired"] {
        for dispatch in 1..=POLICY.dispatches {
            assert!(
                ends.contains(&format!("{end} {dispatch}")),
                "{end} {dispatch} in {ends:?}"
            );
        }
    }
    // Nothing, four of a cancellation, and three each of a retry, a decision, a deadline, a dead letter, its redrive and a word of an operator.
    assert_eq!(answers.len(), 23, "{answers:?}");
}

/// Every state with every combination of what else decides.
fn every_life() -> Vec<Life> {
    let mut lives = Vec::new();
    for state in State::ALL {
        for (cancel_requested, is_claimed) in [(false, false), (false, true), (true, true)] {
            for dispatch in [2, POLICY.dispatches] {
                for (attempt, seq) in [(None, None), (Some(2), None), (Some(2), Some(5)), (None, Some(5))] {
                    for dead_letter in [None, Some(DeadLetter::Failing), Some(DeadLetter::Held)] {
                        let job = Job {
                            cancel_requested,
                            dispatch,
                            attempt,
                            seq,
                            dead_letter,
                            ..in_state(state)
                        };
                        // Whoever executes it was sent it, or it died, and no life begins with what does not hold.
                        let was_sent = state == State::Running || dead_letter.is_some();
                        if is_sound(&job) && (is_claimed || !was_sent) {
                            let claimed_dispatch = dispatch - i32::from(!is_claimed);
                            lives.push(Life {
                                job,
                                claimed_dispatch,
                            });
                        }
                    }
                }
            }
        }
    }
    lives
}

fn in_state(state: State) -> Job {
    let ended = state.is_terminal().then(|| Timestamp::from_millis(50));
    Job {
        state,
        start_time: (state != State::Queued).then(|| Timestamp::from_millis(20)),
        end_time: ended,
        purge_time: ended,
        failure: matches!(state, State::Failed | State::Expired).then(failure),
        ..Life::new().job
    }
}

/// About every dispatch that the lives above have or had, and one that they never will have.
fn every_happening() -> Vec<Happening> {
    let mut happenings = vec![
        Happening::Claim,
        Happening::Cancel,
        Happening::Retry(JobId::new(1)),
    ];
    let deadline = Life::new().job.deadline;
    for millis in [-1, 0, 1] {
        happenings.push(Happening::Expire(deadline.plus_millis(millis)));
    }
    happenings.push(Happening::Redrive);
    happenings.extend(every_conclusion().map(Happening::Conclude));
    for dispatch in 1..=POLICY.dispatches + 1 {
        happenings.extend(every_policy().map(|policy| Happening::Bury(dispatch, policy)));
        for attempt in [None, Some(1), Some(2), Some(3)] {
            let execution = Execution { dispatch, attempt };
            happenings.push(Happening::Begin(execution));
            happenings.push(Happening::Heartbeat(execution, None));
            happenings.push(Happening::Heartbeat(execution, Some(progress(1))));
            for seq in [None, Some(4), Some(5), Some(6)] {
                happenings.extend(every_event().into_iter().map(|event| {
                    Happening::Outcome(Outcome {
                        dispatch,
                        event_id: String::new(),
                        attempt,
                        seq,
                        event,
                    })
                }));
            }
        }
    }
    happenings
}

fn every_policy() -> [DeadLetterPolicy; 2] {
    let grace_millis = 60_000;
    [DeadLetterPolicy::Fail { grace_millis }, DeadLetterPolicy::Hold]
}

fn every_conclusion() -> [Conclusion; 2] {
    let reason = "stuck".to_owned();
    [Conclusion::Failed { reason }, Conclusion::Succeeded]
}

fn every_event() -> Vec<Event> {
    let failed = |retryable| Event::Failed {
        failure: failure(),
        retryable,
        retry_delay_millis: None,
    };
    vec![
        Event::Started,
        Event::Progress(Some(progress(1))),
        Event::Progress(None),
        Event::Succeeded {
            result: None,
            outputs: None,
        },
        Event::Unusable("too large".to_owned()),
        failed(false),
        failed(true),
        Event::Cancelled,
    ]
}

fn progress(completed: i64) -> Progress {
    Progress::told(completed, 10, "")
}

fn failure() -> Failure {
    Failure {
        code: Code::NotFound,
        reason: "GONE".to_owned(),
        message: "gone".to_owned(),
        violations: Vec::new(),
    }
}

/// Xorshift (Marsaglia, 2003): a seed tells the whole life.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick<T>(&mut self, mut items: Vec<T>) -> T {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap();
        items.swap_remove(index)
    }

    /// Consumers speak of what was claimed alone; ends are rarer than reports, so that lives last.
    fn happening(&mut self, life: &Life) -> Happening {
        let kind = self.below(16);
        if kind == 0 {
            let end = Happening::Conclude(self.pick(every_conclusion().to_vec()));
            let (cancel, retry) = (Happening::Cancel, Happening::Retry(JobId::new(1)));
            return self.pick(vec![cancel.clone(), cancel, retry, end]);
        }
        if self.below(40) == 0 {
            let millis = i64::try_from(self.below(3)).unwrap() - 1;
            return Happening::Expire(life.job.deadline.plus_millis(millis));
        }
        if life.claimed_dispatch == 0 || kind <= 3 {
            return Happening::Claim;
        }
        let claimed = u64::try_from(life.claimed_dispatch).unwrap();
        let execution = Execution {
            dispatch: i32::try_from(claimed - self.below(claimed.min(2))).unwrap(),
            attempt: self.pick(vec![None, Some(1), Some(2), Some(3)]),
        };
        if self.below(20) == 0 {
            let bury = Happening::Bury(execution.dispatch, self.pick(every_policy().to_vec()));
            return self.pick(vec![bury, Happening::Redrive]);
        }
        match kind {
            4..=6 => Happening::Begin(execution),
            7..=9 => {
                let told = i64::try_from(self.below(3)).unwrap();
                Happening::Heartbeat(execution, Some(progress(told)).filter(|_| told > 0))
            }
            _ => Happening::Outcome(self.outcome(execution)),
        }
    }

    fn outcome(&mut self, execution: Execution) -> Outcome {
        let mut events = every_event();
        if self.below(3) > 0 {
            let is_last = |event: &Event| {
                !matches!(
                    event,
                    Event::Started | Event::Progress(_) | Event::Failed { retryable: true, .. }
                )
            };
            events.retain(|event| !is_last(event));
        }
        Outcome {
            dispatch: execution.dispatch,
            event_id: String::new(),
            attempt: execution.attempt,
            seq: self.pick(vec![None, Some(1), Some(2), Some(9)]),
            event: self.pick(events),
        }
    }
}
