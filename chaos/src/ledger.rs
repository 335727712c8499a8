//! What was acknowledged and what was seen, by all clients and readers: whatever contradicts itself is a violation at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

use postern_proto::postern::v1::JobState;
use tokio::time::Instant;

use crate::order::Order;
use crate::part::Role;
use crate::seen::{Seen, is_terminal};

/// So many are told; the others are counted.
const VIOLATIONS_MAX: usize = 50;

/// The book of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pages: Mutex<Pages>,
}

/// What stands in it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pages {
    /// Every order that was acknowledged, by its idempotency key, with its job.
    pub(crate) acknowledged: BTreeMap<String, (Order, String)>,
    /// Every job that was seen, by revision.
    pub(crate) jobs: HashMap<String, BTreeMap<i32, JobState>>,
    /// When orders were acknowledged.
    pub(crate) acknowledgements: Vec<Instant>,
    /// When jobs were first seen in a terminal state.
    pub(crate) ends: Vec<Instant>,
    /// What was up again when, after it was killed.
    pub(crate) restarts: Vec<(Role, Instant)>,
    /// Calls whose result nobody knows: they were made again.
    pub(crate) unknown: usize,
    /// What must not be.
    pub(crate) violations: Vec<String>,
    /// How often that happened.
    pub(crate) violations_total: usize,
}

impl Ledger {
    /// The answer to an order: from now on it must end.
    pub(crate) fn acknowledged(&self, order: &Order, seen: &Seen) {
        let mut pages = self.lock();
        if seen.request_id != order.request_id {
            pages.violation(format!("{} was answered with {seen:?}", order.request_id));
        }
        let (_, job_id) = pages
            .acknowledged
            .entry(order.request_id.clone())
            .or_insert_with(|| (order.clone(), seen.job_id.clone()));
        if *job_id != seen.job_id {
            let what = format!("{} is {job_id} and {}", order.request_id, seen.job_id);
            pages.violation(what);
        }
        pages.acknowledgements.push(Instant::now());
        pages.saw(seen);
    }

    /// Somebody saw a job.
    pub(crate) fn saw(&self, seen: &Seen) {
        self.lock().saw(seen);
    }

    /// A part that was killed is up again.
    pub(crate) fn restarted(&self, role: Role, now: Instant) {
        self.lock().restarts.push((role, now));
    }

    /// A call is made again, because nobody knows what came of it.
    pub(crate) fn unknown(&self) {
        self.lock().unknown += 1;
    }

    /// Something that must not be.
    pub(crate) fn violation(&self, what: String) {
        self.lock().violation(what);
    }

    /// All that stands in it now.
    #[must_use]
    pub(crate) fn pages(&self) -> Pages {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Pages {
    fn violation(&mut self, what: String) {
        self.violations_total += 1;
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    /// One revision, one state; and nothing comes after an end.
    fn saw(&mut self, seen: &Seen) {
        let revisions = self.jobs.entry(seen.job_id.clone()).or_default();
        let was_over = revisions.values().any(|state| is_terminal(*state));
        let known = revisions.insert(seen.revision, seen.state);
        if known == Some(seen.state) {
            return;
        }
        if seen.is_terminal() && !was_over {
            self.ends.push(Instant::now());
        }
        let last = revisions.last_key_value().map(|(revision, _)| *revision);
        let first_end = revisions.iter().find(|(_, state)| is_terminal(**state));
        let goes_on = first_end.is_some_and(|(revision, _)| Some(*revision) != last);
        if known.is_some() || goes_on {
            let what = format!("{} was seen as {revisions:?}", seen.job_id);
            self.violation(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(seen: &[(i32, JobState)]) -> usize {
        let ledger = Ledger::default();
        for (revision, state) in seen {
            ledger.saw(&Seen {
                job_id: "job_1".to_owned(),
                request_id: "r".to_owned(),
                state: *state,
                revision: *revision,
                result: None,
                reason: String::new(),
            });
        }
        ledger.pages().violations_total
    }

    #[test]
    fn readers_may_miss_revisions_and_come_late() {
        use JobState::{Queued, Running, Succeeded};
        assert_eq!(
            violations(&[(1, Queued), (4, Succeeded), (2, Running), (4, Succeeded)]),
            0
        );
    }

    #[test]
    fn an_end_that_changes_or_goes_on_is_a_violation() {
        use JobState::{Cancelled, Failed, Queued, Running, Succeeded};
        assert_eq!(violations(&[(1, Queued), (1, Running)]), 1);
        assert_eq!(violations(&[(2, Succeeded), (3, Failed)]), 1);
        assert_eq!(violations(&[(3, Running), (2, Cancelled)]), 1);
    }
}
