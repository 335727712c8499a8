//! Which task a message is about: what outcomes and dead letters tell alike. Whether that is true, the token says.

use super::body::{Members, Unreadable};
use crate::job::JobId;

/// The task that a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Names the job and the dispatch.
    pub token: String,
    /// The job, where the message names it; must agree with the token.
    pub job_id: Option<String>,
    /// The dispatch, where the message names it; must agree with the token.
    pub dispatch: Option<i64>,
}

/// Why it is not known which task is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The token is not one of ours.
    #[error("the outcome token is not authentic")]
    NotAuthentic,
    /// The message names another task than its token.
    #[error("job or dispatch disagree with the outcome token")]
    Disagrees,
}

impl Subject {
    pub(super) fn of(members: &Members<'_>) -> Result<Self, Unreadable> {
        let token = members
            .text("outcomeToken")
            .filter(|token| !token.is_empty())
            .ok_or(Unreadable::NoToken)?;
        Ok(Self {
            token: token.to_owned(),
            job_id: members.text("jobId").map(str::to_owned),
            dispatch: members.whole("dispatch"),
        })
    }

    /// The job and the dispatch that the token was found to name, unless it was found to be none, or the message disagrees.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn proven(&self, opened: Option<(JobId, i32)>) -> Result<(JobId, i32), Unproven> {
        let (job, dispatch) = opened.ok_or(Unproven::NotAuthentic)?;
        let is_other = self.job_id.as_ref().is_some_and(|id| id.parse() != Ok(job))
            || self.dispatch.is_some_and(|given| given != i64::from(dispatch));
        if is_other {
            return Err(Unproven::Disagrees);
        }
        Ok((job, dispatch))
    }
}
