//! The outbox: which jobs' tasks are to be sent, who is sending them, and that they were sent.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use uuid::Uuid;

use super::entity::{body, job};
use super::history::{self, Entry};
use super::pauses::Paused;
use super::{Error, Store, Trace, row};
use crate::job::{EventKind, Job, JobId, Timestamp};

/// No more payloads are read once a claim has so many bytes: what is claimed is in memory, several times over while it is sent.
const CLAIM_BYTES_MAX: usize = 4 * 1024 * 1024;
const PAYLOADS_AT_ONCE: usize = 10;

/// A task that this claimant alone sends, until its lease ends.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The job as it was when claimed.
    pub job: Job,
    /// Its payload as JSON text.
    pub payload: String,
    /// The trace context that it was submitted in.
    pub trace: Trace,
}

/// When a task is due that is to be sent at once, whatever the clock shows: one that was set back delays nothing.
pub(super) const AT_ONCE: i64 = 0;

/// One sending of a dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// Of which job.
    pub job: JobId,
    /// Which dispatch.
    pub dispatch: i32,
}

impl Store {
    /// Claims tasks that are due: `count` at most, fewer where their payloads are large, and none of these job types, nor of what is paused.
    /// What is due at once goes first, oldest first; then what was released or waited, in the order of its time, so that a task that could not
    /// be sent holds up no new one. The claim is committed before this returns: whoever asks later knows that a sending may have begun.
    pub(super) async fn claim(
        &self,
        held_back: &[&str],
        count: u64,
        lease_millis: i64,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, Error> {
        let tx = self.begin().await?;
        let paused = Paused::under_lock(&tx).await?;
        let mut due = due(&paused, held_back, now).limit(count);
        if self.backend() == DbBackend::Postgres {
            due = due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        }
        let rows = due.all(&tx).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, claimed) = as_many_as_fit(&tx, rows).await?;
        job::Entity::update_many()
            .col_expr(
                job::Column::DispatchDue,
                Expr::value(now.plus_millis(lease_millis).millis()),
            )
            .col_expr(job::Column::ClaimedDispatch, Expr::col(job::Column::Dispatch))
            .filter(job::Column::Id.is_in(ids))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Marks tasks as sent, each with the queue's message id.
    pub(super) async fn mark_sent(&self, sent: &[(Sending, String)], now: Timestamp) -> Result<(), Error> {
        let tx = self.begin().await?;
        row::lock_all(&tx, sent.iter().map(|(sending, _)| sending.job)).await?;
        for (sending, message_id) in sent {
            mark_one(&tx, *sending, message_id, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gives claims back, to be taken again from `due` on.
    pub(super) async fn release(&self, sendings: &[Sending], due: Timestamp) -> Result<(), Error> {
        let tx = self.begin().await?;
        row::lock_all(&tx, sendings.iter().map(|sending| sending.job)).await?;
        for sending in sendings {
            job::Entity::update_many()
                .col_expr(job::Column::DispatchDue, Expr::value(due.millis()))
                .filter(is_claimed(*sending))
                .exec(&tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gives back every claim whose claimant must be gone: where the database serves one process, all that this one finds at its start.
    /// Returns how many.
    pub(super) async fn release_abandoned(&self, now: Timestamp) -> Result<u64, Error> {
        if self.backend() == DbBackend::Postgres {
            return Ok(0);
        }
        let released = job::Entity::update_many()
            .col_expr(job::Column::DispatchDue, Expr::value(now.millis()))
            .filter(job::Column::DispatchDue.gt(now.millis()))
            .filter(Expr::col(job::Column::ClaimedDispatch).equals(job::Column::Dispatch))
            .exec(&self.inner.write)
            .await?;
        Ok(released.rows_affected)
    }

    /// When the next task is due, or a claim may be taken over, of other job types than these and of what is not paused.
    pub(super) async fn next_due(&self, held_back: &[&str]) -> Result<Option<Timestamp>, Error> {
        let paused = self.paused().await?;
        let jobs = paused.leave_out(job::Entity::find());
        let due: Option<Option<i64>> = without(jobs, held_back)
            .select_only()
            .column_as(job::Column::DispatchDue.min(), "due")
            // As the index has it.
            .filter(job::Column::DispatchDue.is_not_null())
            .into_tuple()
            .one(&self.inner.read)
            .await?;
        Ok(due.flatten().map(Timestamp::from_millis))
    }
}

/// The jobs whose tasks are due, in the order in which they are claimed: the one of their index.
fn due(paused: &Paused, held_back: &[&str], now: Timestamp) -> Select<job::Entity> {
    let jobs = paused
        .leave_out(job::Entity::find())
        .filter(job::Column::DispatchDue.lte(now.millis()))
        .order_by_asc(job::Column::DispatchDue)
        .order_by_asc(job::Column::Id);
    without(jobs, held_back)
}

/// These jobs without those of some types. Where there are none, the query is the same as ever.
fn without(jobs: Select<job::Entity>, job_types: &[&str]) -> Select<job::Entity> {
    if job_types.is_empty() {
        return jobs;
    }
    jobs.filter(job::Column::JobType.is_not_in(job_types.iter().copied()))
}

/// The first of these tasks, with their payloads, as far as the limit goes, and the ids of the rows that were looked at.
async fn as_many_as_fit(
    tx: &DatabaseTransaction,
    rows: Vec<job::Model>,
) -> Result<(Vec<Uuid>, Vec<Claimed>), Error> {
    let (mut ids, mut claimed, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut rows = rows.into_iter();
    while bytes < CLAIM_BYTES_MAX && rows.len() > 0 {
        let some: Vec<_> = rows.by_ref().take(PAYLOADS_AT_ONCE).collect();
        ids.extend(some.iter().map(|row| row.id));
        let some = with_payloads(tx, some).await?;
        bytes += some.iter().map(|task| task.payload.len()).sum::<usize>();
        claimed.extend(some);
    }
    Ok((ids, claimed))
}

async fn with_payloads(tx: &DatabaseTransaction, rows: Vec<job::Model>) -> Result<Vec<Claimed>, Error> {
    let ids = rows.iter().map(|row| row.id);
    let bodies = body::Entity::find()
        .filter(body::Column::JobId.is_in(ids))
        .all(tx)
        .await?;
    let mut payloads: HashMap<_, _> = bodies
        .into_iter()
        .map(|body| (body.job_id, body.payload))
        .collect();
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let id = JobId::from_uuid(row.id);
        let payload = payloads.remove(&row.id).ok_or(Error::Corrupt("payload"));
        match payload.and_then(|payload| read(row, payload)) {
            Ok(task) => claimed.push(task),
            // It waits for the end of its lease, like a task that was not sent, and holds up no other.
            Err(error) => tracing::error!(job.id = %id, %error, "a task cannot be read and is left for now"),
        }
    }
    Ok(claimed)
}

fn read(mut row: job::Model, payload: String) -> Result<Claimed, Error> {
    let trace = Trace {
        traceparent: std::mem::take(&mut row.traceparent),
        tracestate: std::mem::take(&mut row.tracestate),
    };
    Ok(Claimed {
        job: row::read(row)?,
        payload,
        trace,
    })
}

async fn mark_one(
    tx: &DatabaseTransaction,
    sending: Sending,
    message_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    // Locked, so that an outcome under way adds no entry of the same number to the history.
    let Some(row::Locked { job, .. }) = row::lock(tx, sending.job).await? else {
        return Ok(());
    };
    // An outcome may have been faster, and the job handed out anew since: then there is nothing left to mark.
    if job.dispatch != sending.dispatch {
        return Ok(());
    }
    job::Entity::update_many()
        .col_expr(job::Column::DispatchDue, Expr::value(Option::<i64>::None))
        .filter(is_claimed(sending))
        .exec(tx)
        .await?;
    let entry = Entry {
        kind: EventKind::Sent,
        detail: message_id,
    };
    history::add(tx, &job, entry, None, now).await
}

/// The row of a sending whose claim is still standing.
fn is_claimed(sending: Sending) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(job::Column::Id.eq(sending.job.uuid()))
        .add(job::Column::Dispatch.eq(sending.dispatch))
        .add(job::Column::ClaimedDispatch.eq(sending.dispatch))
        // What was redriven since is due, and no longer claimed: whoever held the claim then must not take it for sent.
        .add(job::Column::DispatchDue.gt(AT_ONCE))
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, QueryTrait as _, Statement};

    use super::*;
    use crate::job::{PartnerId, Timeouts};
    use crate::store::{Config, Submission};

    fn submission(id: JobId) -> Submission {
        let timeouts = Timeouts {
            queue_millis: 1000,
            execution_millis: 1000,
            retention_millis: 1000,
        };
        Submission {
            job: Job::new(id, PartnerId::new("acme"), timeouts, Timestamp::from_millis(0)),
            payload: "{}".to_owned(),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        }
    }

    #[tokio::test]
    async fn a_task_that_cannot_be_read_holds_up_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        let (unreadable, readable) = (JobId::new(1), JobId::new(2));
        store.submit(&submission(unreadable)).await.unwrap();
        let newer_server = "UPDATE jobs SET state = 99";
        store.inner.write.execute_unprepared(newer_server).await.unwrap();
        store.submit(&submission(readable)).await.unwrap();
        let claimed = store
            .claim(&[], 10, 1000, Timestamp::from_millis(0))
            .await
            .unwrap();
        assert_eq!(
            claimed.iter().map(|task| task.job.id).collect::<Vec<_>>(),
            [readable]
        );
    }

    /// Or each claim would take longer the more there is to be sent.
    #[tokio::test]
    async fn a_claim_reads_no_more_of_a_backlog_than_it_takes() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        for url in [sqlite, postern_pgtest::database().unwrap()] {
            let store = Store::open(&Config::new(url)).await.unwrap();
            store.migrate().await.unwrap();
            let select = due(&Paused::default(), &[], Timestamp::from_millis(1)).limit(50);
            let select = select.build(store.backend()).to_string();
            let plan = plan(&store, &select).await;
            assert!(plan.contains("jobs_in_order"), "{plan}");
            assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    /// How the database would answer, were there so many rows that reading them all is not worth it.
    async fn plan(store: &Store, select: &str) -> String {
        let tx = store.begin().await.unwrap();
        let (explain, column) = if store.backend() == DbBackend::Postgres {
            let small = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";
            tx.execute_unprepared(small).await.unwrap();
            ("EXPLAIN", 0)
        } else {
            ("EXPLAIN QUERY PLAN", 3)
        };
        let explain = Statement::from_string(store.backend(), format!("{explain} {select}"));
        let rows = tx.query_all_raw(explain).await.unwrap();
        let lines = rows
            .iter()
            .map(|row| row.try_get_by_index::<String>(column).unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }
}
