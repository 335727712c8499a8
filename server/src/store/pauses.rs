//! What is not handed out: the job types and the partners whose dispatch an operator has paused.
//!
//! A claim reads the pauses in its own transaction, under a lock that a new pause waits for: once a pause is committed, no task of it is
//! claimed any more.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use super::action::{ActionKind, Subject};
use super::entity::{job, pause};
use super::{Error, Store};
use crate::job::{Job, Operator, PartnerId, Timestamp};

/// Every claim leaves all of them out.
const PAUSES_MAX: u64 = 1000;

/// Whose tasks are not handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PauseSubject {
    /// Those of a job type.
    JobType(String),
    /// Those of a partner.
    Partner(PartnerId),
}

/// What is not handed out, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Whose tasks.
    pub subject: PauseSubject,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub operator: Operator,
    /// Since when.
    pub time: Timestamp,
}

impl PauseSubject {
    pub(super) fn text(&self) -> String {
        match self {
            Self::JobType(name) => format!("job_type/{name}"),
            Self::Partner(partner) => format!("partner/{partner}"),
        }
    }

    /// None of another kind: a newer server may pause by others, which is its own to keep then.
    fn read(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            ("job_type", name) => Some(Self::JobType(name.to_owned())),
            ("partner", name) => Some(Self::Partner(PartnerId::new(name))),
            _ => None,
        }
    }
}

impl Store {
    /// Pauses, unless it is paused already; the pause as it stands. None where there are too many.
    pub(super) async fn pause(
        &self,
        operator: &Operator,
        subject: &PauseSubject,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Pause>, Error> {
        let writing = self.write_as(operator, now).await?;
        let tx = writing.tx();
        if self.backend() == DbBackend::Postgres {
            // Waits for every claim that has read what was paused before, and for no reader.
            tx.execute_unprepared("LOCK TABLE pauses IN EXCLUSIVE MODE")
                .await?;
        }
        let paused = match pause::Entity::find_by_id(subject.text()).one(tx).await? {
            Some(row) => read(row),
            None if pause::Entity::find().count(tx).await? >= PAUSES_MAX => None,
            None => {
                let pause = Pause {
                    subject: subject.clone(),
                    reason: reason.to_owned(),
                    operator: operator.clone(),
                    time: now,
                };
                pause::Entity::insert(row(&pause))
                    .exec_without_returning(tx)
                    .await?;
                writing
                    .acted(operator, ActionKind::Pause, Subject::Dispatch(subject), reason)
                    .await?;
                Some(pause)
            }
        };
        // Even where nothing changed, it lets go of the lock at once.
        self.commit(writing).await?;
        Ok(paused)
    }

    /// Hands out again what was paused; nothing where it was not.
    pub(super) async fn resume(
        &self,
        operator: &Operator,
        subject: &PauseSubject,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let writing = self.write_as(operator, now).await?;
        let deleted = pause::Entity::delete_by_id(subject.text())
            .exec(writing.tx())
            .await?;
        if deleted.rows_affected > 0 {
            writing
                .acted(operator, ActionKind::Resume, Subject::Dispatch(subject), reason)
                .await?;
        }
        self.commit(writing).await?;
        // The others look every few seconds.
        self.signals().tell_due();
        Ok(())
    }

    /// All pauses, oldest first.
    pub(super) async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        let rows = pause::Entity::find()
            .order_by_asc(pause::Column::Time)
            .order_by_asc(pause::Column::Subject)
            .all(&self.inner.read)
            .await?;
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// What is paused now.
    pub(super) async fn paused(&self) -> Result<Paused, Error> {
        subjects(&self.inner.read, subject_only()).await
    }
}

/// Whose tasks are left out.
#[derive(Debug, Default)]
pub(super) struct Paused {
    job_types: Vec<String>,
    partners: Vec<String>,
}

impl Paused {
    /// What is paused, for a claim in this transaction: whoever pauses waits for its end.
    pub(super) async fn under_lock(tx: &DatabaseTransaction) -> Result<Self, Error> {
        let mut rows = subject_only();
        if tx.get_database_backend() == DbBackend::Postgres {
            rows = rows.lock(LockType::KeyShare);
        }
        subjects(tx, rows).await
    }

    /// Whether the tasks of this job are left out.
    pub(super) fn covers(&self, job: &Job) -> bool {
        self.job_types.contains(&job.job_type)
            || self
                .partners
                .iter()
                .any(|partner| partner == job.partner.as_str())
    }

    /// These jobs without those that are paused. The same query as ever where nothing is.
    pub(super) fn leave_out(&self, mut jobs: Select<job::Entity>) -> Select<job::Entity> {
        if !self.job_types.is_empty() {
            jobs = jobs.filter(job::Column::JobType.is_not_in(self.job_types.iter().map(String::as_str)));
        }
        if !self.partners.is_empty() {
            jobs = jobs.filter(job::Column::PartnerId.is_not_in(self.partners.iter().map(String::as_str)));
        }
        jobs
    }
}

/// Whether a job is paused, for a query of jobs.
pub(super) fn is_paused() -> SimpleExpr {
    Expr::cust(
        "('job_type/' || job_type IN (SELECT subject FROM pauses) OR 'partner/' || partner_id IN (SELECT subject FROM pauses))",
    )
}

fn subject_only() -> Select<pause::Entity> {
    pause::Entity::find().select_only().column(pause::Column::Subject)
}

async fn subjects(db: &impl ConnectionTrait, rows: Select<pause::Entity>) -> Result<Paused, Error> {
    let mut paused = Paused::default();
    for subject in rows.into_tuple::<String>().all(db).await? {
        match PauseSubject::read(&subject) {
            Some(PauseSubject::JobType(name)) => paused.job_types.push(name),
            Some(PauseSubject::Partner(partner)) => paused.partners.push(partner.as_str().to_owned()),
            None => {}
        }
    }
    Ok(paused)
}

fn read(row: pause::Model) -> Option<Pause> {
    Some(Pause {
        subject: PauseSubject::read(&row.subject)?,
        reason: row.reason,
        operator: Operator::new(row.operator),
        time: Timestamp::from_millis(row.time),
    })
}

fn row(pause: &Pause) -> pause::ActiveModel {
    pause::ActiveModel {
        subject: Set(pause.subject.text()),
        reason: Set(pause.reason.clone()),
        operator: Set(pause.operator.as_str().to_owned()),
        time: Set(pause.time.millis()),
    }
}
