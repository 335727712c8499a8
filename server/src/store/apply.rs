//! Applies outcomes to jobs: event ids, the transition, unique keys, history, in the transaction of a batch.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::entity::{body, job, outcome, quarantine, unique_key};
use super::{Error, Store, change, history, row};
use crate::job::{Applied, Event, EventKind, Ignored, Job, JobId, Outcome, RetryPolicy, Timestamp};

/// An authentic outcome of a job.
#[derive(Debug, Clone)]
pub struct Report {
    /// Of which job.
    pub job: JobId,
    /// What its consumer told.
    pub outcome: Outcome,
    /// The message that told it, kept when its result cannot be.
    pub letter: Letter,
}

/// A message as it came from the results queue.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The queue's id of it.
    pub message_id: String,
    /// Its body.
    pub body: String,
}

/// What came of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is dealt with for good.
    Settled,
    /// There is no such job: perhaps not yet.
    JobUnknown,
}

impl Store {
    /// Applies reports in order, all in one transaction, and tells what came of each.
    pub(super) async fn apply(
        &self,
        reports: &[Report],
        retry: &(dyn Fn(&Job) -> RetryPolicy + Sync),
        now: Timestamp,
    ) -> Result<Vec<Verdict>, Error> {
        let tx = self.begin().await?;
        let mut work = Work {
            tx,
            now,
            changed: Vec::new(),
            requeued: false,
        };
        let mut verdicts = Vec::with_capacity(reports.len());
        for report in reports {
            verdicts.push(work.apply(report, retry).await?);
        }
        let Work {
            tx,
            changed,
            requeued,
            ..
        } = work;
        tx.commit().await?;
        self.signals().tell_changed(changed);
        if requeued {
            self.signals().tell_due();
        }
        Ok(verdicts)
    }

    /// Keeps messages that cannot be used, each with the reason.
    pub(super) async fn quarantine(&self, letters: &[(Letter, String)], now: Timestamp) -> Result<(), Error> {
        let tx = self.begin().await?;
        for (letter, reason) in letters {
            keep(&tx, letter, reason, now).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// One batch under way.
struct Work {
    tx: DatabaseTransaction,
    now: Timestamp,
    changed: Vec<JobId>,
    requeued: bool,
}

impl Work {
    async fn apply(
        &mut self,
        report: &Report,
        retry: &(dyn Fn(&Job) -> RetryPolicy + Sync),
    ) -> Result<Verdict, Error> {
        let Some(mut job) = row::lock(&self.tx, report.job).await? else {
            return Ok(Verdict::JobUnknown);
        };
        if !self.is_new(report).await? {
            return Ok(Verdict::Settled);
        }
        let policy = retry(&job);
        let applied = job.apply(&report.outcome, policy, self.now);
        match applied {
            Applied::Changed(kind) => {
                self.write(changed_row(&self.tx, &job).await?, &job, None).await?;
                self.keep_result(report).await?;
                if let Some(kind) = kind {
                    history::add(&self.tx, &job, kind, "", self.now).await?;
                }
            }
            Applied::Requeued { due } => {
                self.requeued = true;
                self.write(changed_row(&self.tx, &job).await?, &job, Some(due))
                    .await?;
                history::add(&self.tx, &job, EventKind::RetryScheduled, "", self.now).await?;
            }
            Applied::Extended => self.write(row::changes(&job)?, &job, None).await?,
            Applied::Ignored(Ignored::Stale) => {}
            Applied::Ignored(Ignored::Late) => {
                change::count(&self.tx, "anomalies").await?;
                let dispatch = report.outcome.dispatch.to_string();
                history::add(&self.tx, &job, EventKind::LateOutcome, &dispatch, self.now).await?;
            }
        }
        if matches!(applied, Applied::Changed(_) | Applied::Requeued { .. }) {
            self.changed.push(job.id);
        }
        Ok(Verdict::Settled)
    }

    /// Remembers the event; false when it was there already.
    async fn is_new(&self, report: &Report) -> Result<bool, Error> {
        let seen = outcome::ActiveModel {
            job_id: Set(report.job.uuid()),
            dispatch: Set(report.outcome.dispatch),
            event_id: Set(report.outcome.event_id.clone()),
        };
        let inserted = outcome::Entity::insert(seen)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&self.tx)
            .await?;
        Ok(inserted > 0)
    }

    /// Writes the job. An outcome of the current dispatch proves that its task was sent, so only a new dispatch is due.
    async fn write(&self, row: job::ActiveModel, job: &Job, due: Option<Timestamp>) -> Result<(), Error> {
        let row = job::ActiveModel {
            dispatch_due: Set(due.map(Timestamp::millis)),
            ..row
        };
        row.update(&self.tx).await?;
        if !job.state.holds_unique_keys() {
            unique_key::Entity::delete_many()
                .filter(unique_key::Column::JobId.eq(job.id.uuid()))
                .exec(&self.tx)
                .await?;
        }
        Ok(())
    }

    async fn keep_result(&self, report: &Report) -> Result<(), Error> {
        match &report.outcome.event {
            Event::Succeeded { result, outputs } => {
                let body = body::ActiveModel {
                    job_id: sea_orm::ActiveValue::Unchanged(report.job.uuid()),
                    result: Set(result.as_ref().map(text).transpose()?),
                    outputs: Set(outputs.as_ref().map(text).transpose()?),
                    ..Default::default()
                };
                body.update(&self.tx).await?;
                Ok(())
            }
            Event::Unusable(why) => keep(&self.tx, &report.letter, why, self.now).await,
            Event::Started | Event::Progress(_) | Event::Failed { .. } | Event::Cancelled => Ok(()),
        }
    }
}

/// The row of a job whose revision rose: it takes the newest place in the order of changes.
async fn changed_row(tx: &DatabaseTransaction, job: &Job) -> Result<job::ActiveModel, Error> {
    let place = change::place(tx).await?;
    Ok(job::ActiveModel {
        change_generation: Set(place.generation),
        change_position: Set(place.position),
        ..row::changes(job)?
    })
}

async fn keep(tx: &DatabaseTransaction, letter: &Letter, reason: &str, now: Timestamp) -> Result<(), Error> {
    let row = quarantine::ActiveModel {
        id: Set(Uuid::now_v7()),
        time: Set(now.millis()),
        reason: Set(reason.to_owned()),
        message_id: Set(letter.message_id.clone()),
        body: Set(letter.body.as_bytes().to_vec()),
    };
    quarantine::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

fn text(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_invalid| Error::Corrupt("result"))
}
