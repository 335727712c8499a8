//! Tells outcomes from messages that cannot be used, and what holds for the failures among them: of messages that have just arrived and of
//! those that are taken out of the quarantine alike.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::job::{Job, JobId, RetryPolicy};
use crate::queue;
use crate::seal::Seal;
use crate::store::system::{Letter, Origin, Report, Unusable};

/// Reads messages of the results queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    /// How often, and when, a failed job is tried again.
    pub catalog: Arc<Catalog>,
    /// What outcome tokens are verified with.
    pub seal: Seal,
}

impl Reader {
    /// The authentic outcome that a message is, or why it cannot be used.
    ///
    /// # Errors
    /// When it is to be quarantined.
    pub fn read(&self, letter: Letter) -> Result<Report, Unusable> {
        let read = match queue::read(&letter.body, &letter.message_id) {
            Ok(read) => read,
            Err(unreadable) => return Err(unusable(letter, unreadable.to_string(), None)),
        };
        let opened = self.seal.open_outcome_token(&read.subject.token);
        let (job, dispatch) = match read.subject.proven(opened) {
            Ok(proven) => proven,
            Err(unproven) => {
                let job = opened.map(|(job, _)| job);
                return Err(unusable(letter, unproven.to_string(), job));
            }
        };
        let mut outcome = read.outcome;
        outcome.dispatch = dispatch;
        Ok(Report { job, outcome, letter })
    }

    /// What holds for a failure of this job as it is now.
    #[must_use]
    pub fn retry_policy(&self, job: &Job) -> RetryPolicy {
        match self.catalog.get(&job.job_type) {
            Some(job_type) => RetryPolicy {
                dispatches: job_type.dispatches(),
                backoff_millis: job_type.backoff().millis_before(job.dispatch + 1),
            },
            // Its tasks could not be sent any more.
            None => RetryPolicy {
                dispatches: 1,
                backoff_millis: 0,
            },
        }
    }
}

const fn unusable(letter: Letter, reason: String, job: Option<JobId>) -> Unusable {
    Unusable {
        letter,
        origin: Origin::Outcomes,
        reason,
        job,
    }
}
