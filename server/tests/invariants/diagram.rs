//! The diagram of `docs/job-states.md` is what the code does: every arrow is a transition that the exhaustive test has seen, and there is
//! none besides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use postern_server::job::{DeadLetter, Event, Job, State, Timestamp};

use crate::{Happening, every_happening, every_life, live};

const PAGE: &str = include_str!("../../../docs/job-states.md");

#[test]
fn the_diagram_is_what_the_code_does() {
    let drawn = PAGE
        .split("```")
        .find_map(|block| block.strip_prefix("mermaid\n"))
        .expect("the page has a diagram");
    let expected = diagram();
    assert!(drawn == expected, "the diagram should be:\n{expected}");
}

fn diagram() -> String {
    let mut arrows: BTreeMap<(usize, usize), BTreeSet<&str>> = BTreeMap::new();
    for life in every_life() {
        for happening in every_happening() {
            let mut life = life.clone();
            let old = life.job.clone();
            live(&mut life, &happening, Timestamp::from_millis(777));
            // Handed out anew is an arrow, too, where the state stays.
            if life.job.state != old.state || life.job.dispatch != old.dispatch {
                let arrow = (index(old.state), index(life.job.state));
                arrows.entry(arrow).or_default().insert(cause(&happening, &old));
            }
        }
    }
    let mut text = "stateDiagram-v2\n    [*] --> QUEUED: SubmitJob, RetryJob\n".to_owned();
    for ((from, to), causes) in arrows {
        let causes: Vec<_> = causes.into_iter().collect();
        let (from, to) = (name(State::ALL[from]), name(State::ALL[to]));
        writeln!(text, "    {from} --> {to}: {}", causes.join(", ")).unwrap();
    }
    for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        writeln!(text, "    {} --> [*]: DeleteJob, purge_time", name(state)).unwrap();
    }
    text
}

const fn cause(happening: &Happening, old: &Job) -> &'static str {
    match happening {
        Happening::Claim => "a claim",
        Happening::Cancel => "CancelJob",
        Happening::Begin(_) => "BeginTask",
        Happening::Heartbeat(..) => "Heartbeat",
        Happening::Expire(_) if matches!(old.dead_letter, Some(DeadLetter::Failing)) => "dead letter",
        Happening::Expire(_) => "deadline",
        Happening::Bury(..) => "a dead letter by itself",
        Happening::Redrive => "RedriveJob",
        Happening::Conclude(_) => "EndJob",
        Happening::Retry(_) => "RetryJob",
        Happening::Outcome(outcome) => match &outcome.event {
            Event::Started => "STARTED",
            Event::Progress(_) => "PROGRESS",
            Event::Succeeded { .. } => "SUCCEEDED",
            Event::Unusable(_) => "SUCCEEDED that cannot be used",
            Event::Failed { retryable: false, .. } => "FAILED",
            Event::Failed { retryable: true, .. } => "FAILED that is retryable",
            Event::Cancelled => "CANCELLED",
        },
    }
}

fn index(state: State) -> usize {
    State::ALL.iter().position(|other| *other == state).unwrap()
}

const fn name(state: State) -> &'static str {
    match state {
        State::Queued => "QUEUED",
        State::Running => "RUNNING",
        State::Succeeded => "SUCCEEDED",
        State::Failed => "FAILED",
        State::Cancelled => "CANCELLED",
        State::Expired => "EXPIRED",
    }
}
