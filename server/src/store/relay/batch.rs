//! What is told at a time, and its form: a notification is a JSON array of a partner and some of its jobs, `[]` as a sign of life, or `null`
//! when anything may have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::job::{JobId, PartnerId};
use crate::store::signals::Change;

/// Shortest time between two batches: many small ones would cost the database more than the delay costs a watcher.
const PAUSE: Duration = Duration::from_millis(5);
/// Something is told at least this often, if only a sign of life.
const SIGN_EVERY: Duration = Duration::from_secs(10);
const JOBS_MAX: usize = 1000;
/// 33 bytes each.
const JOBS_PER_PAYLOAD_MAX: usize = 200;
/// PostgreSQL refuses 8000 and more.
const PAYLOAD_BYTES_MAX: usize = 7999;
const ANY: &str = "null";

/// Changes to be told.
#[derive(Debug, Default)]
pub(super) struct Batch {
    jobs: BTreeMap<PartnerId, BTreeSet<JobId>>,
    count: usize,
    /// Whether there were more than anybody counted.
    any: bool,
}

impl Batch {
    /// Returns once there is something to tell, after what was told last: changes, or a sign of life. Loses nothing when dropped.
    pub(super) async fn fill(&mut self, changes: &mut Receiver<(PartnerId, JobId)>, told: Instant) {
        sleep_until(told + PAUSE).await;
        if self.count == 0 && !self.any {
            match timeout_at(told + SIGN_EVERY, changes.recv()).await {
                Ok(Ok((partner, job))) => self.add(partner, job),
                Ok(Err(RecvError::Lagged(_))) => self.any = true,
                // There are no changes without a sender.
                Ok(Err(RecvError::Closed)) => sleep_until(told + SIGN_EVERY).await,
                Err(_time_for_a_sign) => {}
            }
        }
        self.take(changes);
    }

    /// Takes what is there, up to a limit.
    pub(super) fn take(&mut self, changes: &mut Receiver<(PartnerId, JobId)>) {
        while self.count < JOBS_MAX {
            match changes.try_recv() {
                Ok((partner, job)) => self.add(partner, job),
                Err(TryRecvError::Lagged(_)) => self.any = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn add(&mut self, partner: PartnerId, job: JobId) {
        self.count += usize::from(self.jobs.entry(partner).or_default().insert(job));
    }

    pub(super) fn payloads(&self) -> Vec<String> {
        if self.any {
            return vec![ANY.to_owned()];
        }
        let mut payloads = Vec::new();
        for (partner, jobs) in &self.jobs {
            let jobs: Vec<_> = jobs.iter().map(JobId::to_string).collect();
            payloads.extend(
                jobs.chunks(JOBS_PER_PAYLOAD_MAX)
                    .map(|jobs| payload(partner, jobs)),
            );
        }
        if payloads.is_empty() {
            payloads.push("[]".to_owned());
        }
        payloads
    }
}

fn payload(partner: &PartnerId, jobs: &[String]) -> String {
    let mut list = vec![partner.as_str()];
    list.extend(jobs.iter().map(String::as_str));
    let payload = serde_json::json!(list).to_string();
    // A partner with a name of that length.
    if payload.len() > PAYLOAD_BYTES_MAX {
        return ANY.to_owned();
    }
    payload
}

/// What a notification says. One that a server of another version sent, in another form, may mean anything.
pub(super) fn read(payload: &str) -> Vec<Change> {
    let Ok(Some(list)) = serde_json::from_str::<Option<Vec<String>>>(payload) else {
        return vec![Change::Any];
    };
    let Some((partner, jobs)) = list.split_first() else {
        return Vec::new();
    };
    let change = |job: &String| {
        job.parse()
            .map_or(Change::Any, |job| Change::Of(PartnerId::new(partner), job))
    };
    jobs.iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    fn read_all(batch: &Batch) -> Vec<Change> {
        batch
            .payloads()
            .iter()
            .inspect(|payload| assert!(payload.len() <= PAYLOAD_BYTES_MAX))
            .flat_map(|payload| read(payload))
            .collect()
    }

    #[test]
    fn every_change_of_a_batch_is_heard_once() {
        let partners = ["acme", "\"globex\"\u{0}\n", "ünïcödé"].map(PartnerId::new);
        let mut batch = Batch::default();
        let mut expected = Vec::new();
        for partner in &partners {
            for millis in 0..300 {
                let job = JobId::new(millis);
                expected.push(Change::Of(partner.clone(), job));
                batch.add(partner.clone(), job);
                batch.add(partner.clone(), job);
            }
        }
        let heard = read_all(&batch);
        assert_eq!(heard.len(), expected.len());
        assert!(expected.iter().all(|change| heard.contains(change)));
    }

    #[test]
    fn what_cannot_be_told_or_understood_may_be_anything() {
        let mut batch = Batch::default();
        batch.add(PartnerId::new("x".repeat(8000)), JobId::new(1));
        assert_eq!(read_all(&batch), [Change::Any]);
        for payload in [
            "null",
            "",
            "{}",
            "7",
            "[7]",
            "[\"acme\",\"no job\"]",
            "all of them",
        ] {
            assert_eq!(read(payload), [Change::Any], "{payload}");
        }
    }

    #[tokio::test]
    async fn a_batch_takes_what_is_there_up_to_its_limit_and_leaves_the_rest() {
        let (sender, mut changes) = broadcast::channel(2 * JOBS_MAX);
        for millis in 0..JOBS_MAX + 1 {
            let job = JobId::new(u64::try_from(millis).unwrap());
            sender.send((PartnerId::new("acme"), job)).unwrap();
        }
        for expected in [JOBS_MAX, 1] {
            let mut batch = Batch::default();
            batch.fill(&mut changes, Instant::now()).await;
            assert_eq!(read_all(&batch).len(), expected);
        }
    }

    #[tokio::test]
    async fn changes_that_were_missed_may_be_any() {
        let (sender, mut changes) = broadcast::channel(1);
        for millis in 0..3 {
            sender.send((PartnerId::new("acme"), JobId::new(millis))).unwrap();
        }
        let mut batch = Batch::default();
        batch.fill(&mut changes, Instant::now()).await;
        assert_eq!(read_all(&batch), [Change::Any]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_changes_a_sign_of_life_is_given() {
        let (_sender, mut changes) = broadcast::channel(1);
        let (mut batch, told) = (Batch::default(), Instant::now());
        batch.fill(&mut changes, told).await;
        assert_eq!(told.elapsed().as_secs(), SIGN_EVERY.as_secs());
        assert_eq!(batch.payloads(), ["[]"]);
        assert_eq!(read("[]"), []);
    }
}
