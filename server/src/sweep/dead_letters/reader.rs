//! Tells tasks among the dead letters from what else may lie there, and what their jobs are to become: of messages that have just been found
//! and of those that are taken out of the quarantine alike.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Catalog, OnDeadLetter};
use crate::job::{DeadLetterPolicy, Job, JobId, millis};
use crate::queue;
use crate::seal::Seal;
use crate::store::system::{DeadTask, Letter, Origin, Unusable};

/// Reads dead letters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    /// What a job type makes of its dead letters.
    pub catalog: Arc<Catalog>,
    /// What outcome tokens are verified with.
    pub seal: Seal,
    /// How long an outcome may still be under way.
    pub grace: Duration,
}

impl Reader {
    /// The authentic task that a message is, or why it cannot be used.
    ///
    /// # Errors
    /// When it is to be quarantined.
    pub fn read(&self, letter: Letter) -> Result<DeadTask, Unusable> {
        let subject = match queue::read_dead_letter(&letter.body) {
            Ok(subject) => subject,
            Err(unreadable) => return Err(unusable(letter, unreadable.to_string(), None)),
        };
        let opened = self.seal.open_outcome_token(&subject.token);
        match subject.proven(opened) {
            Ok((job, dispatch)) => Ok(DeadTask {
                job,
                dispatch,
                message_id: letter.message_id,
            }),
            Err(unproven) => {
                let job = opened.map(|(job, _)| job);
                Err(unusable(letter, unproven.to_string(), job))
            }
        }
    }

    /// What is to become of this job as it is now, whose task was found.
    #[must_use]
    pub fn policy(&self, job: &Job) -> DeadLetterPolicy {
        match self
            .catalog
            .get(&job.job_type)
            .map(|job_type| job_type.on_dead_letter())
        {
            Some(OnDeadLetter::Hold) => DeadLetterPolicy::Hold,
            // The task of a job type that is gone could not be sent again.
            Some(OnDeadLetter::Fail) | None => DeadLetterPolicy::Fail {
                grace_millis: millis(self.grace),
            },
        }
    }
}

const fn unusable(letter: Letter, reason: String, job: Option<JobId>) -> Unusable {
    Unusable {
        letter,
        origin: Origin::DeadLetters,
        reason,
        job,
    }
}
