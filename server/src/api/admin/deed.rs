//! What is done to jobs in bulk, done or only tried: the same decisions both times.

use postern_proto::postern::admin::v1::JobAction;

use super::super::cancel::cancelled;
use super::super::convert;
use super::super::problem::{Problem, Violation};
use super::super::retry::Retrial;
use super::Admin;
use super::end::failed;
use super::redrive::not_held;
use crate::job::{Job, JobId, Operator, Redrive, Timestamp};
use crate::store::Trace;
use crate::store::operator::Ending;

/// What is done to a job, by whom and why.
pub(super) struct Deed {
    pub(super) kind: Kind,
    pub(super) operator: Operator,
    pub(super) reason: String,
    pub(super) trace: Trace,
}

/// What.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Cancel,
    Retry,
    Redrive,
    Fail,
}

impl Kind {
    /// The action of this number in a request.
    pub(super) fn read(number: i32, violations: &mut Vec<Violation>) -> Option<Self> {
        match JobAction::try_from(number) {
            Ok(JobAction::Cancel) => return Some(Self::Cancel),
            Ok(JobAction::Retry) => return Some(Self::Retry),
            Ok(JobAction::Redrive) => return Some(Self::Redrive),
            Ok(JobAction::Fail) => return Some(Self::Fail),
            Ok(JobAction::Unspecified) => {
                violations.push(Violation::new("/action", "REQUIRED", "must say what to do"));
            }
            Err(_unknown) => {
                let description = "must be an action on jobs";
                violations.push(Violation::new("/action", "INVALID_VALUE", description));
            }
        }
        None
    }
}

impl Admin {
    /// Does it, as the call of its own does.
    pub(super) async fn act_on(&self, job: JobId, deed: &Deed) -> Result<(), Problem> {
        let Deed { operator, reason, .. } = deed;
        match deed.kind {
            Kind::Cancel => self.cancelled(operator, job, reason).await,
            Kind::Retry => {
                let trace = deed.trace.clone();
                self.retried(operator, job, reason, trace).await.map(drop)
            }
            Kind::Redrive => self.redriven(operator, job, reason).await,
            Kind::Fail => {
                let ending = Ending {
                    conclusion: failed(reason),
                    reason: reason.clone(),
                    result: None,
                };
                self.ended(operator, job, &ending).await
            }
        }
    }

    /// Says why it would be refused for a job as it is now, and does nothing.
    pub(super) async fn try_on(&self, job: &Job, deed: &Deed) -> Result<(), Problem> {
        let (mut job, now) = (job.clone(), Timestamp::now());
        match deed.kind {
            Kind::Cancel => {
                // Whether it would be at once or a wish, it would not be refused.
                let cancellation = job.cancel(true, now);
                cancelled(Some((job, cancellation))).map(drop)
            }
            Kind::Retry => match self.retrial(job.id, deed.trace.clone()).await? {
                Retrial::Known(_) => Ok(()),
                Retrial::New(submission) => Ok(self.0.store.partner().check(&submission).await?),
            },
            Kind::Redrive => match job.redrive(now) {
                Redrive::Visible | Redrive::Unseen => Ok(()),
                Redrive::NotHeld => Err(not_held()),
            },
            Kind::Fail => match job.conclude(&failed(&deed.reason), now) {
                Some(_) => Ok(()),
                None => Err(Problem::job_terminal(convert::state(job.state))),
            },
        }
    }
}
