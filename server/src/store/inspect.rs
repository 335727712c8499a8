//! Jobs of all partners, as those who operate the server see them.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::entity::{body, event, job};
use super::outbox::AT_ONCE;
use super::pauses::Paused;
use super::{Error, HistoryEntry, Store, row};
use crate::job::{EventKind, Job, JobId, PartnerId, State, Timestamp};

/// A job, with what its partner does not see of it.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The job.
    pub job: Job,
    /// When its task is to be handed out, or, where a server is sending it now, when another one may; none once it was.
    pub dispatch_due: Option<Timestamp>,
    /// The trace that it was submitted in; empty where there is none.
    pub traceparent: String,
    /// Whether the tasks of its type, or of its partner, are not handed out.
    pub is_paused: bool,
}

/// A job with all that belongs to it but its history.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The job.
    pub inspected: Inspected,
    /// Every sending of its task that its history knows, oldest first.
    pub sent: Vec<Sent>,
    /// How many entries of its history tell of something that came too late.
    pub anomalies: u64,
    /// Its payload as JSON text.
    pub payload: String,
    /// What its consumer returned, as JSON text.
    pub result: Option<String>,
}

/// Once that a task went to the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Of which dispatch.
    pub dispatch: i32,
    /// When that was known.
    pub time: Timestamp,
    /// The queue's id of the message, unless a server of before has sent it.
    pub sqs_message_id: Option<String>,
}

/// Which jobs: all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this partner.
    pub partner: Option<PartnerId>,
    /// Of this type.
    pub job_type: Option<String>,
    /// In one of these states; any, when empty.
    pub states: Vec<State>,
    /// In this condition.
    pub condition: Option<Condition>,
    /// Created later than this.
    pub created_after: Option<Timestamp>,
    /// Created earlier than this.
    pub created_before: Option<Timestamp>,
    /// Last changed earlier than this.
    pub updated_before: Option<Timestamp>,
}

/// What may be the matter with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Its task is to be handed out and was not, be it that it waits for its time.
    Unsent,
    /// Its task was handed out, and nobody has reported a start or an outcome.
    NotStarted,
    /// Its deadline has passed and it has not ended.
    Overdue,
    /// Its task lies among the dead letters.
    DeadLettered,
    /// Its task lies there, and waits for an operator.
    Held,
    /// Something came too late for it.
    Anomalous,
}

impl Store {
    pub(super) async fn inspect(&self, id: JobId) -> Result<Option<Inspected>, Error> {
        let found = job::Entity::find_by_id(id.uuid()).one(&self.inner.read).await?;
        let Some(row) = found else { return Ok(None) };
        read(row, &self.paused().await?).map(Some)
    }

    pub(super) async fn inspect_whole(&self, id: JobId) -> Result<Option<Whole>, Error> {
        let read = &self.inner.read;
        let Some(inspected) = self.inspect(id).await? else {
            return Ok(None);
        };
        // Deleted in this moment, where it has none.
        let Some(body) = body::Entity::find_by_id(id.uuid()).one(read).await? else {
            return Ok(None);
        };
        let of_job = || event::Entity::find().filter(event::Column::JobId.eq(id.uuid()));
        let sent = of_job()
            .filter(event::Column::Kind.eq(EventKind::Sent.as_str()))
            .order_by_asc(event::Column::Number)
            .all(read)
            .await?;
        Ok(Some(Whole {
            sent: sent.into_iter().map(sending).collect(),
            anomalies: of_job().filter(came_late()).count(read).await?,
            result: body.result.filter(|_| inspected.job.state == State::Succeeded),
            payload: body.payload,
            inspected,
        }))
    }

    /// At most `count` jobs that come after `after` in the list.
    pub(super) async fn inspect_all(
        &self,
        filter: &Filter,
        after: Option<JobId>,
        count: u64,
        now: Timestamp,
    ) -> Result<Vec<Inspected>, Error> {
        let rows = page(filter, after, count, now).all(&self.inner.read).await?;
        let paused = self.paused().await?;
        rows.into_iter().map(|row| read(row, &paused)).collect()
    }

    /// At most `count` entries that come after the entry of this number.
    pub(super) async fn history_of_any(
        &self,
        id: JobId,
        after: i32,
        count: u64,
    ) -> Result<Vec<HistoryEntry>, Error> {
        self.entries(event::Column::JobId.eq(id.uuid()), after, count)
            .await
    }
}

fn read(mut row: job::Model, paused: &Paused) -> Result<Inspected, Error> {
    let traceparent = std::mem::take(&mut row.traceparent);
    let due = row.dispatch_due;
    let job = row::read(row)?;
    Ok(Inspected {
        // What is to be sent at once has been since it was last changed.
        dispatch_due: due.map(|due| match due {
            AT_ONCE => job.update_time,
            millis => Timestamp::from_millis(millis),
        }),
        traceparent,
        is_paused: paused.covers(&job),
        job,
    })
}

fn sending(row: event::Model) -> Sent {
    Sent {
        dispatch: row.dispatch,
        time: Timestamp::from_millis(row.time),
        sqs_message_id: row.sqs_message_id,
    }
}

/// Newest first.
fn page(filter: &Filter, after: Option<JobId>, count: u64, now: Timestamp) -> Select<job::Entity> {
    let mut matching = matching(filter, now);
    if let Some(after) = after {
        matching = matching.add(job::Column::Id.lt(after.uuid()));
    }
    job::Entity::find()
        .filter(matching)
        .order_by_desc(job::Column::Id)
        .limit(count)
}

fn matching(filter: &Filter, now: Timestamp) -> sea_orm::Condition {
    let mut all = sea_orm::Condition::all();
    if let Some(partner) = &filter.partner {
        all = all.add(job::Column::PartnerId.eq(partner.as_str()));
    }
    if let Some(job_type) = &filter.job_type {
        all = all.add(job::Column::JobType.eq(job_type));
    }
    if !filter.states.is_empty() {
        all = all.add(job::Column::State.is_in(filter.states.iter().copied().map(row::state_number)));
        // The indexes of those that have not ended, and of those that ended without success, are small.
        if filter.states.iter().all(|state| !state.is_terminal()) {
            all = all.add(job::Column::EndTime.is_null());
        } else if filter.states.iter().all(|state| is_unsuccessful(*state)) {
            all = all.add(Expr::cust(UNSUCCESSFUL));
        }
    }
    if let Some(condition) = filter.condition {
        all = all.add(is(condition, now));
    }
    // Ids carry the time, and are what the list is ordered by.
    if let Some(after) = filter.created_after {
        all = all.add(job::Column::Id.gt(JobId::earliest_of(after.plus_millis(1)).uuid()));
    }
    if let Some(before) = filter.created_before {
        all = all.add(job::Column::Id.lt(JobId::earliest_of(before).uuid()));
    }
    if let Some(before) = filter.updated_before {
        all = all.add(job::Column::UpdateTime.lt(before.millis()));
    }
    all
}

/// Without parameters, as the index of such jobs has it.
const UNSUCCESSFUL: &str = "state IN (4, 5, 6)";

const fn is_unsuccessful(state: State) -> bool {
    match state {
        State::Failed | State::Cancelled | State::Expired => true,
        State::Queued | State::Running | State::Succeeded => false,
    }
}

fn is(condition: Condition, now: Timestamp) -> sea_orm::Condition {
    let open = sea_orm::Condition::all().add(job::Column::EndTime.is_null());
    let is_current = |dispatch: job::Column| Expr::col(dispatch).equals(job::Column::Dispatch);
    match condition {
        Condition::Unsent => open.add(job::Column::DispatchDue.is_not_null()),
        Condition::NotStarted => open
            // As `dispatch_due IS NULL`, SQLite would look at all that has ended, by the index of what is due.
            .add(Expr::cust("COALESCE(dispatch_due, -1) = -1"))
            .add(job::Column::State.eq(row::state_number(State::Queued))),
        Condition::Overdue => open.add(job::Column::Deadline.lt(now.millis())),
        Condition::DeadLettered => {
            open.add(is_current(job::Column::HeldDispatch).or(is_current(job::Column::FailingDispatch)))
        }
        Condition::Held => open.add(is_current(job::Column::HeldDispatch)),
        Condition::Anomalous => {
            let late = Query::select()
                .column(event::Column::JobId)
                .from(event::Entity)
                .and_where(came_late())
                .to_owned();
            sea_orm::Condition::all().add(job::Column::Id.in_subquery(late))
        }
    }
}

/// Without parameters, as the index of such entries has it.
fn came_late() -> sea_orm::sea_query::SimpleExpr {
    Expr::cust("kind IN ('late_outcome', 'late_dead_letter')")
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, DbBackend, QueryTrait as _, Statement};

    use super::super::standing::tests::JOBS;
    use super::*;
    use crate::store::Config;

    /// Or whoever asks for the few that failed would have all read that did not.
    #[tokio::test]
    async fn those_that_failed_are_found_among_many_that_succeeded() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        for url in [sqlite, postern_pgtest::database().unwrap()] {
            let store = Store::open(&Config::new(url)).await.unwrap();
            store.migrate().await.unwrap();
            let (id, explain, column) = if store.backend() == DbBackend::Postgres {
                ("gen_random_uuid()", "EXPLAIN", 0)
            } else {
                ("randomblob(16)", "EXPLAIN QUERY PLAN", 3)
            };
            let write = &store.inner.write;
            let failed = "UPDATE jobs SET state = 4, end_time = 1 WHERE state = 2";
            for sql in [&JOBS.replace("{id}", id), failed, "ANALYZE"] {
                write.execute_unprepared(sql).await.unwrap();
            }
            for states in [vec![State::Failed], vec![State::Expired, State::Cancelled]] {
                let filter = Filter {
                    states,
                    ..Filter::default()
                };
                let select = page(&filter, None, 50, Timestamp::from_millis(0));
                let select = select.build(store.backend()).to_string();
                let explain = Statement::from_string(store.backend(), format!("{explain} {select}"));
                let rows = write.query_all_raw(explain).await.unwrap();
                let lines = rows
                    .iter()
                    .map(|row| row.try_get_by_index::<String>(column).unwrap());
                let plan: String = lines.collect();
                assert!(plan.contains("jobs_unsuccessful"), "{plan}");
            }
        }
    }
}
