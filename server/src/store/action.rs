//! What operators did and why: a row an action, in the transaction that did it. It outlives the job that it was about.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::Error;
use super::entity::action;
use super::write::Writing;
use crate::job::{JobId, Operator};

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActionKind {
    Cancel,
    Retry,
    Redrive,
    End,
}

/// To what.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    Job(JobId),
}

impl Writing {
    /// Notes what an operator does in this transaction.
    pub(super) async fn acted(
        &self,
        operator: &Operator,
        kind: ActionKind,
        subject: Subject,
        reason: &str,
    ) -> Result<(), Error> {
        let Subject::Job(job) = subject;
        let row = action::ActiveModel {
            id: Set(Uuid::now_v7()),
            time: Set(self.now().millis()),
            operator: Set(operator.as_str().to_owned()),
            kind: Set(kind.as_str().to_owned()),
            job_id: Set(Some(job.uuid())),
            subject: Set(String::new()),
            reason: Set(reason.to_owned()),
        };
        action::Entity::insert(row)
            .exec_without_returning(self.tx())
            .await?;
        Ok(())
    }
}

impl ActionKind {
    /// The name in `Action.type`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Redrive => "redrive",
            Self::End => "end",
        }
    }
}
