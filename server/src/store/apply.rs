//! Applies outcomes to jobs: event ids, the transition, what it leaves behind, in the transaction of a batch.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait};

use super::entity::{body, outcome};
use super::history::Entry;
use super::quarantine::{self, Letter, Origin, Unusable};
use super::write::Writing;
use super::{Error, Store, change, row};
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
        let mut writing = self.write(now).await?;
        row::lock_all(writing.tx(), reports.iter().map(|report| report.job)).await?;
        let mut verdicts = Vec::with_capacity(reports.len());
        for report in reports {
            let came = apply(&mut writing, report, retry).await?;
            if let (Came::Changed, Some(unusable)) = (came, report.unusable()) {
                quarantine::keep(writing.tx(), &unusable, now).await?;
            }
            verdicts.push(match came {
                Came::JobUnknown => Verdict::JobUnknown,
                Came::Changed | Came::Nothing => Verdict::Settled,
            });
        }
        self.commit(writing).await?;
        Ok(verdicts)
    }
}

impl Report {
    /// Its message, where the result in it cannot be kept.
    pub(super) fn unusable(&self) -> Option<Unusable> {
        let Event::Unusable(why) = &self.outcome.event else {
            return None;
        };
        Some(self.because(why))
    }

    /// Its message, where its job is not there.
    #[must_use]
    pub fn without_job(&self) -> Unusable {
        self.because("no such job")
    }

    fn because(&self, reason: &str) -> Unusable {
        Unusable {
            letter: self.letter.clone(),
            origin: Origin::Outcomes,
            reason: reason.to_owned(),
            job: Some(self.job),
        }
    }
}

/// What came of a report in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// It changed its job.
    Changed,
    /// It changed nothing, or had done so before.
    Nothing,
    /// There is no such job.
    JobUnknown,
}

pub(super) async fn apply(
    writing: &mut Writing,
    report: &Report,
    retry: &(dyn Fn(&Job) -> RetryPolicy + Sync),
) -> Result<Came, Error> {
    let Some(mut locked) = writing.lock(report.job).await? else {
        return Ok(Came::JobUnknown);
    };
    let job = &mut locked.job;
    let (dispatch, event_id) = (report.outcome.dispatch, &report.outcome.event_id);
    if !is_new(writing.tx(), job.id, dispatch, event_id).await? {
        return Ok(Came::Nothing);
    }
    let policy = retry(job);
    let applied = job.apply(&report.outcome, policy, writing.now());
    writing
        .applied(&locked, applied, detail(&report.outcome.event))
        .await?;
    match applied {
        Applied::Changed(_) => {
            keep_result(writing, report).await?;
            return Ok(Came::Changed);
        }
        Applied::Ignored(Ignored::Late) => {
            change::count(writing.tx(), "anomalies").await?;
            let dispatch = report.outcome.dispatch.to_string();
            let entry = Entry {
                kind: EventKind::LateOutcome,
                detail: &dispatch,
            };
            writing.noted(&locked.job, entry).await?;
        }
        Applied::Requeued { .. } | Applied::Extended | Applied::Ignored(Ignored::Stale) => {}
    }
    Ok(Came::Nothing)
}

/// What the history says besides the kind of an entry.
const fn detail(event: &Event) -> &'static str {
    match event {
        Event::Cancelled => "the consumer stopped it",
        Event::Started
        | Event::Progress(_)
        | Event::Succeeded { .. }
        | Event::Unusable(_)
        | Event::Failed { .. } => "",
    }
}

/// Remembers the event; false when it was there already.
pub(super) async fn is_new(
    tx: &DatabaseTransaction,
    job: JobId,
    dispatch: i32,
    event_id: &str,
) -> Result<bool, Error> {
    let seen = outcome::ActiveModel {
        job_id: Set(job.uuid()),
        dispatch: Set(dispatch),
        event_id: Set(event_id.to_owned()),
    };
    let inserted = outcome::Entity::insert(seen)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(inserted > 0)
}

async fn keep_result(writing: &Writing, report: &Report) -> Result<(), Error> {
    match &report.outcome.event {
        Event::Succeeded { result, outputs } => {
            let body = body::ActiveModel {
                job_id: Unchanged(report.job.uuid()),
                result: Set(result.as_ref().map(text).transpose()?),
                outputs: Set(outputs.as_ref().map(text).transpose()?),
                ..Default::default()
            };
            body.update(writing.tx()).await?;
            Ok(())
        }
        Event::Unusable(_)
        | Event::Started
        | Event::Progress(_)
        | Event::Failed { .. }
        | Event::Cancelled => Ok(()),
    }
}

fn text(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_invalid| Error::Corrupt("result"))
}
