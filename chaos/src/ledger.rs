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
    /// Every job that was retried, with who did and what it was told.
    pub(crate) retried: BTreeMap<String, (&'static str, Seen)>,
    /// Every job that was seen, by revision: its state, and whether it had been retried.
    pub(crate) jobs: HashMap<String, BTreeMap<i32, (JobState, bool)>>,
    /// When orders were acknowledged.
    pub(crate) acknowledgements: Vec<Instant>,
    /// When jobs were first seen in a terminal state.
    pub(crate) ends: Vec<Instant>,
    /// What was killed when.
    pub(crate) kills: Vec<(Role, Instant)>,
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

    /// The answer to a retry: the new job must end like any other.
    pub(crate) fn retried(&self, partner: &'static str, job_id: &str, seen: &Seen) {
        let mut pages = self.lock();
        let (_, known) = pages
            .retried
            .entry(job_id.to_owned())
            .or_insert_with(|| (partner, seen.clone()));
        if known.job_id != seen.job_id || seen.retried_from != job_id {
            let what = format!("{job_id} was retried as {known:?} and {seen:?}");
            pages.violation(what);
        }
        pages.acknowledgements.push(Instant::now());
        pages.saw(seen);
    }

    /// Somebody saw a job.
    pub(crate) fn saw(&self, seen: &Seen) {
        self.lock().saw(seen);
    }

    /// A part was killed.
    pub(crate) fn killed(&self, role: Role, now: Instant) {
        self.lock().kills.push((role, now));
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

    /// One revision, one state; and nothing comes after an end but that the job was retried.
    fn saw(&mut self, seen: &Seen) {
        let revisions = self.jobs.entry(seen.job_id.clone()).or_default();
        let was_over = revisions.values().any(|(state, _)| is_terminal(*state));
        let now = (seen.state, !seen.retried_by.is_empty());
        let known = revisions.insert(seen.revision, now);
        if known == Some(now) {
            return;
        }
        if seen.is_terminal() && !was_over {
            self.ends.push(Instant::now());
        }
        let mut after_end = revisions.values().skip_while(|(state, _)| !is_terminal(*state));
        let end = after_end.next().map(|(state, _)| *state);
        let goes_on = after_end.any(|after| Some(after.0) != end || !after.1);
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
        let seen: Vec<_> = seen
            .iter()
            .map(|(revision, state)| (*revision, *state, ""))
            .collect();
        violations_of_retried(&seen)
    }

    fn violations_of_retried(seen: &[(i32, JobState, &str)]) -> usize {
        let ledger = Ledger::default();
        for (revision, state, retried_by) in seen {
            ledger.saw(&Seen {
                job_id: "job_1".to_owned(),
                request_id: "r".to_owned(),
                state: *state,
                revision: *revision,
                result: None,
                reason: String::new(),
                retried_from: String::new(),
                retried_by: (*retried_by).to_owned(),
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

    #[test]
    fn a_retry_is_all_that_may_come_after_an_end() {
        use JobState::{Failed, Succeeded};
        assert_eq!(violations_of_retried(&[(2, Failed, ""), (3, Failed, "job_2")]), 0);
        assert_eq!(violations_of_retried(&[(3, Failed, "job_2"), (2, Failed, "")]), 0);
        assert_eq!(violations_of_retried(&[(2, Failed, ""), (3, Failed, "")]), 1);
        assert_eq!(
            violations_of_retried(&[(2, Failed, ""), (3, Succeeded, "job_2")]),
            1
        );
    }
}
