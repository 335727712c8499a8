//! What must hold whatever came in which order.

use std::time::Instant;

use postern_proto::postern::v1::job_service_server::JobService as _;
use postern_proto::postern::v1::{GetJobRequest, Job as Shown, JobState, ListJobChangesRequest};
use postern_server::job::{Job, JobId, State};
use serde_json::{Value, json};

use super::Campaign;
use super::consumer::{End, Told};
use crate::world::{acme, ask};
use crate::{DISPATCHES, SOON};

impl Campaign<'_> {
    /// What a partner sees of a job, held against what was seen before.
    pub(super) async fn look(&mut self, id: JobId) {
        let asked = GetJobRequest {
            job_id: id.to_string(),
            ..Default::default()
        };
        let reply = self.world.api.get_job(ask(asked)).await.unwrap();
        let new = reply.into_inner().job.unwrap();
        assert!(!format!("{new:?}").contains("forged"), "{new:?}");
        if let Some(progress) = &new.progress {
            let own = format!("{id}/{}/", new.dispatch);
            assert!(progress.message.starts_with(&own), "{new:?}");
        }
        if let Some(old) = self.shown.insert(id, new.clone()) {
            assert!(new.revision >= old.revision, "{old:?}\n{new:?}");
            assert!(!is_final(&old) || old == new, "{old:?}\n{new:?}");
            let is_same = still(&old) == still(&new);
            assert!(new.revision > old.revision || is_same, "{old:?}\n{new:?}");
        }
    }

    /// What a job has become must follow from these ends of its dispatch, of which nobody knows which came first.
    pub(super) async fn check(&self, old: &Job, new: &Job, ends: &[&Told]) {
        let context = || format!("{old:?}\n{ends:?}\n{new:?}");
        if old.state.is_terminal() {
            assert_eq!(old, new);
            return;
        }
        let is_told = |kind: End| ends.iter().any(|told| told.end == kind);
        if new.dispatch != old.dispatch {
            assert_eq!(new.dispatch, old.dispatch + 1, "{}", context());
            assert!(
                new.dispatch <= DISPATCHES && is_told(End::FailedForNow),
                "{}",
                context()
            );
            assert!(
                matches!(new.state, State::Queued | State::Cancelled),
                "{}",
                context()
            );
            return;
        }
        let is_withdrawn = self.withdrawn.contains(&old.id);
        let is_true = match new.state {
            State::Queued | State::Running => ends.iter().all(|told| is_outdated(told, new)),
            State::Succeeded => {
                let partner = self.world.api.store.partner();
                let result = partner.result(&acme(), new).await.unwrap().unwrap();
                let result: Value = serde_json::from_str(&result).unwrap();
                let is_it = |told: &&Told| told.end == End::Succeeded && result == json!({"of": told.text});
                ends.iter().any(is_it)
            }
            State::Failed => {
                let text = &new.failure.as_ref().unwrap().message;
                let is_last = new.dispatch == DISPATCHES || new.cancel_requested;
                ends.iter().any(|told| {
                    told.text == *text
                        && (told.end == End::Failed || told.end == End::FailedForNow && is_last)
                })
            }
            State::Cancelled => is_told(End::Cancelled) || is_withdrawn,
            // Nobody looks at deadlines.
            State::Expired => false,
        };
        assert!(is_true, "{}", context());
    }

    pub(super) async fn check_history(&mut self, job: &Job) {
        let partner = self.world.api.store.partner();
        let history = partner.history(&acme(), job.id, 0, 1_000).await.unwrap();
        let context = || format!("{job:?}\n{history:?}");
        let numbers = history.iter().map(|entry| entry.number);
        assert!(numbers.eq((1..).take(history.len())), "{}", context());
        let rises = history.is_sorted_by_key(|entry| (entry.dispatch, entry.revision));
        assert!(rises && !context().contains("forged"), "{}", context());
        let count = |kind: &str| history.iter().filter(|entry| entry.kind == kind).count();
        assert_eq!(i32::try_from(count("retry_scheduled")).unwrap(), job.dispatch - 1);
        let ends = ["succeeded", "failed", "cancelled"]
            .map(count)
            .iter()
            .sum::<usize>();
        assert_eq!(ends, usize::from(job.state.is_terminal()), "{}", context());
        let last = history.last().unwrap();
        assert_eq!(
            (last.state, last.dispatch),
            (job.state, job.dispatch),
            "{}",
            context()
        );
        if let Some(old) = self.histories.insert(job.id, history.clone()) {
            assert!(history.starts_with(&old), "{}", context());
        }
    }

    /// A job is told again only when it has changed again.
    pub(super) async fn read_changes(&mut self) {
        let asked = ListJobChangesRequest {
            cursor: self.cursor.clone(),
            ..Default::default()
        };
        let reply = self.world.api.list_job_changes(ask(asked)).await.unwrap();
        let reply = reply.into_inner();
        self.cursor = reply.next_cursor;
        for job in reply.jobs {
            let told = self.changes.insert(job.job_id.clone(), job.revision);
            assert!(told.is_none_or(|told| told < job.revision), "{job:?}");
        }
    }

    /// Whoever reads on is told of everything.
    pub(super) async fn check_changes(&mut self) {
        let deadline = Instant::now() + SOON;
        for id in self.jobs.clone() {
            let revision = self.world.job(id).await.revision;
            while self.changes.get(&id.to_string()) != Some(&revision) {
                assert!(Instant::now() < deadline, "{id} is not told: {:?}", self.changes);
                self.read_changes().await;
            }
        }
    }

    pub(super) async fn check_quarantine(&mut self) {
        let mut found = self.world.take_quarantined().await;
        for (reason, body) in &self.forged {
            let index = found
                .iter()
                .position(|(told, kept)| told.starts_with(reason) && kept == body);
            found.swap_remove(index.unwrap_or_else(|| panic!("{reason}: not quarantined: {body}")));
        }
        assert!(found.is_empty(), "what is true is quarantined: {found:?}");
    }
}

/// Whether this is a failure of an attempt before the one that is known to run, which decides nothing.
pub(super) fn is_outdated(told: &Told, job: &Job) -> bool {
    matches!(told.end, End::Failed | End::FailedForNow) && Some(told.attempt) < job.attempt
}

fn is_final(job: &Shown) -> bool {
    match job.state() {
        JobState::Unspecified | JobState::Queued | JobState::Running => false,
        JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Expired => true,
    }
}

/// All but the deadline, which moves without a revision.
fn still(job: &Shown) -> Shown {
    Shown {
        deadline: None,
        ..job.clone()
    }
}
