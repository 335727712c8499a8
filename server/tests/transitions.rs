//! The rules of the work protocol, as far as they are about one job and one outcome.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use postern_server::job::{
    Applied, Cancellation, Code, DeadLetterPolicy, Event, EventKind, Failure, Ignored, Job, JobId, Outcome,
    PartnerId, Progress, RetryPolicy, State, Timeouts, Timestamp,
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

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn queued() -> Job {
    Job::new(JobId::new(0), PartnerId::new("acme"), TIMEOUTS, at(0))
}

fn outcome(event: Event) -> Outcome {
    Outcome {
        dispatch: 1,
        event_id: String::new(),
        attempt: None,
        seq: None,
        event,
    }
}

fn of_attempt(attempt: i32, event: Event) -> Outcome {
    Outcome {
        attempt: Some(attempt),
        ..outcome(event)
    }
}

fn progress(completed: i32) -> Event {
    Event::Progress(Some(Progress {
        completed,
        total: 10,
        message: String::new(),
    }))
}

fn succeeded() -> Event {
    Event::Succeeded {
        result: None,
        outputs: None,
    }
}

fn failed(retryable: bool) -> Event {
    let failure = Failure {
        code: Code::NotFound,
        reason: "GONE".to_owned(),
        message: "gone".to_owned(),
        violations: Vec::new(),
    };
    Event::Failed {
        failure,
        retryable,
        retry_delay_millis: None,
    }
}

fn running(attempt: Option<i32>) -> Job {
    let mut job = queued();
    job.apply(
        &Outcome {
            attempt,
            ..outcome(Event::Started)
        },
        POLICY,
        at(10),
    );
    job
}

fn every_event() -> Vec<Event> {
    vec![
        Event::Started,
        progress(1),
        Event::Progress(None),
        succeeded(),
        Event::Unusable("too large".to_owned()),
        failed(false),
        failed(true),
        Event::Cancelled,
    ]
}

#[test]
fn a_start_makes_it_running_and_starts_the_execution_clock() {
    let job = running(Some(1));
    assert_eq!(
        (job.state, job.revision, job.start_time),
        (State::Running, 2, Some(at(10)))
    );
    assert_eq!(job.deadline, at(60_010));
}

#[test]
fn progress_without_a_start_is_a_start() {
    let mut job = queued();
    assert_eq!(
        job.apply(&outcome(progress(3)), POLICY, at(10)),
        Applied::Changed(Some(EventKind::Started))
    );
    assert_eq!((job.state, job.progress.unwrap().completed), (State::Running, 3));
}

#[test]
fn the_same_progress_again_only_moves_the_deadline() {
    let mut job = running(None);
    job.apply(&outcome(progress(3)), POLICY, at(20));
    let revision = job.revision;
    assert_eq!(
        job.apply(&outcome(progress(3)), POLICY, at(30)),
        Applied::Extended
    );
    assert_eq!((job.revision, job.deadline), (revision, at(60_030)));
}

#[test]
fn older_reports_change_nothing() {
    let mut job = running(Some(2));
    job.apply(
        &Outcome {
            seq: Some(5),
            ..of_attempt(2, progress(5))
        },
        POLICY,
        at(20),
    );
    let before = job.clone();
    for stale in [
        of_attempt(1, Event::Started),
        of_attempt(1, progress(9)),
        of_attempt(2, Event::Started),
        Outcome {
            seq: Some(5),
            ..of_attempt(2, progress(4))
        },
        of_attempt(1, failed(false)),
    ] {
        assert_eq!(
            job.apply(&stale, POLICY, at(30)),
            Applied::Ignored(Ignored::Stale),
            "{stale:?}"
        );
        assert_eq!(job, before);
    }
}

#[test]
fn a_newer_attempt_begins_anew() {
    let mut job = running(Some(1));
    job.apply(&of_attempt(1, progress(5)), POLICY, at(20));
    job.apply(&of_attempt(2, Event::Started), POLICY, at(30));
    assert_eq!(
        (job.start_time, job.progress.clone(), job.attempt),
        (Some(at(30)), None, Some(2))
    );
    assert_eq!(job.deadline, at(60_030));
}

#[test]
fn the_first_attempt_that_is_told_begins_nothing_anew() {
    let mut job = running(None);
    let began = job.start_time;
    let applied = job.apply(&of_attempt(1, progress(1)), POLICY, at(90));
    assert_eq!(
        (applied, job.start_time, job.attempt),
        (Applied::Changed(None), began, Some(1))
    );
}

#[test]
fn a_redelivered_start_without_attempt_restarts_the_clock() {
    let mut job = running(None);
    assert_eq!(
        job.apply(&outcome(Event::Started), POLICY, at(50)),
        Applied::Changed(Some(EventKind::Started))
    );
    assert_eq!((job.start_time, job.deadline), (Some(at(50)), at(60_050)));
}

#[test]
fn success_of_any_attempt_counts_even_when_no_start_was_reported() {
    let mut job = queued();
    assert_eq!(
        job.apply(&outcome(succeeded()), POLICY, at(10)),
        Applied::Changed(Some(EventKind::Succeeded))
    );
    assert_eq!(
        (job.state, job.end_time, job.purge_time),
        (State::Succeeded, Some(at(10)), Some(at(9_000_010)))
    );

    let mut job = running(Some(2));
    job.apply(&of_attempt(1, succeeded()), POLICY, at(20));
    assert_eq!(job.state, State::Succeeded);
}

#[test]
fn a_result_that_cannot_be_used_fails_the_job() {
    let mut job = running(None);
    job.apply(
        &outcome(Event::Unusable("larger than 256 KiB".to_owned())),
        POLICY,
        at(20),
    );
    let failure = job.failure.unwrap();
    assert_eq!(
        (job.state, failure.code, failure.reason.as_str()),
        (State::Failed, Code::Internal, "OUTCOME_INVALID")
    );
}

#[test]
fn a_retryable_failure_is_handed_out_again_until_the_dispatches_are_used_up() {
    let mut job = running(Some(3));
    job.apply(&of_attempt(3, progress(5)), POLICY, at(20));
    let applied = job.apply(&of_attempt(3, failed(true)), POLICY, at(100));
    assert_eq!(applied, Applied::Requeued { due: at(5_100) });
    assert_eq!((job.state, job.dispatch, job.revision), (State::Queued, 2, 4));
    assert_eq!(
        (job.start_time, job.progress.clone(), job.attempt, job.seq),
        (None, None, None, None)
    );
    assert_eq!(job.deadline, at(1_000_100));

    let last = RetryPolicy {
        dispatches: 2,
        ..POLICY
    };
    let applied = job.apply(
        &Outcome {
            dispatch: 2,
            ..outcome(failed(true))
        },
        last,
        at(200),
    );
    assert_eq!(applied, Applied::Changed(Some(EventKind::Failed)));
    assert_eq!(job.state, State::Failed);
}

#[test]
fn a_failure_is_final_when_it_is_not_retryable_or_a_cancellation_was_asked_for() {
    let mut job = running(None);
    job.apply(&outcome(failed(false)), POLICY, at(20));
    assert_eq!(
        (job.state, job.failure.unwrap().reason.as_str()),
        (State::Failed, "GONE")
    );

    let mut job = Job {
        cancel_requested: true,
        ..running(None)
    };
    job.apply(&outcome(failed(true)), POLICY, at(20));
    assert_eq!(job.state, State::Failed);
}

#[test]
fn the_delay_that_the_consumer_asks_for_wins_over_the_backoff() {
    let mut job = running(None);
    let Event::Failed { failure, .. } = failed(true) else {
        unreachable!()
    };
    let event = Event::Failed {
        failure,
        retryable: true,
        retry_delay_millis: Some(70),
    };
    assert_eq!(
        job.apply(&outcome(event), POLICY, at(100)),
        Applied::Requeued { due: at(170) }
    );
}

#[test]
fn terminal_is_final_whatever_arrives() {
    for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        for event in every_event() {
            let mut job = Job {
                state,
                ..running(None)
            };
            let before = job.clone();
            assert_eq!(
                job.apply(&outcome(event.clone()), POLICY, at(99)),
                Applied::Ignored(Ignored::Late),
                "{state:?} {event:?}"
            );
            assert_eq!(job, before);
        }
    }
}

#[test]
fn another_dispatch_is_late() {
    for event in every_event() {
        let mut job = Job {
            dispatch: 2,
            ..running(None)
        };
        let before = job.clone();
        assert_eq!(
            job.apply(&outcome(event), POLICY, at(99)),
            Applied::Ignored(Ignored::Late)
        );
        assert_eq!(job, before);
    }
}

#[test]
fn a_job_that_nobody_can_have_begun_is_cancelled_at_once() {
    let mut waiting = running(Some(1));
    waiting.apply(&of_attempt(1, failed(true)), POLICY, at(20));
    for mut job in [queued(), waiting] {
        let revision = job.revision;
        assert_eq!(job.cancel(false, at(50)), Cancellation::AtOnce);
        assert_eq!((job.state, job.revision), (State::Cancelled, revision + 1));
        assert_eq!(
            (job.end_time, job.purge_time, job.cancel_requested),
            (Some(at(50)), Some(at(9_000_050)), false)
        );
        assert!(!job.state.holds_unique_keys());
    }
}

#[test]
fn a_job_that_may_have_begun_is_asked_to_stop_and_asking_again_changes_nothing() {
    for mut job in [queued(), running(None)] {
        let before = job.clone();
        assert_eq!(job.cancel(true, at(50)), Cancellation::Requested);
        assert_eq!(
            job,
            Job {
                cancel_requested: true,
                revision: before.revision + 1,
                update_time: at(50),
                ..before
            }
        );
        let asked = job.clone();
        assert_eq!(job.cancel(true, at(60)), Cancellation::Known);
        assert_eq!(job, asked);
    }
}

/// What ran to its end stays so.
#[test]
fn the_outcome_decides_after_a_wish_to_cancel() {
    for (event, state) in [
        (succeeded(), State::Succeeded),
        (failed(false), State::Failed),
        (failed(true), State::Failed),
        (Event::Cancelled, State::Cancelled),
    ] {
        let mut job = running(None);
        job.cancel(true, at(20));
        job.apply(&outcome(event), POLICY, at(30));
        assert_eq!((job.state, job.cancel_requested), (state, true));
    }
}

#[test]
fn what_has_ended_is_not_cancelled_and_what_is_cancelled_stays_so() {
    for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        for is_claimed in [false, true] {
            let mut job = Job {
                state,
                ..running(None)
            };
            let before = job.clone();
            let expected = if state == State::Cancelled {
                Cancellation::Known
            } else {
                Cancellation::TooLate
            };
            assert_eq!(job.cancel(is_claimed, at(99)), expected, "{state:?}");
            assert_eq!(job, before);
        }
    }
}

#[test]
fn every_visible_change_is_one_revision_and_nothing_else_is() {
    for start in [queued(), running(None), running(Some(1))] {
        for event in every_event() {
            let mut job = start.clone();
            let applied = job.apply(&outcome(event.clone()), POLICY, at(99));
            let visible = matches!(applied, Applied::Changed(_) | Applied::Requeued { .. });
            assert_eq!(job.revision, start.revision + i32::from(visible), "{event:?}");
        }
    }
}

#[test]
fn a_clock_set_back_never_makes_a_change_look_older() {
    let mut job = running(None);
    job.apply(&outcome(progress(1)), POLICY, at(-600_000));
    assert_eq!(job.update_time, at(10));
}

/// Its start is shown: nobody must be told that there was none.
#[test]
fn a_started_job_that_no_operator_sends_again_says_what_it_waited_for() {
    let expired = |mut job: Job| {
        job.bury(1, DeadLetterPolicy::Hold, at(10));
        job.expire(job.deadline);
        let failure = job.failure.unwrap();
        (job.state, failure.reason, failure.message)
    };
    let mut started = queued();
    started.apply(&outcome(Event::Started), POLICY, at(5));
    let (state, reason, message) = expired(started);
    assert_eq!((state, reason.as_str()), (State::Expired, "QUEUE_TIMEOUT"));
    assert!(message.contains("was not sent again in time"), "{message}");
    assert!(expired(queued()).2.starts_with("no start was reported"));
}
