//! How things stand: what waits, by job type, and since when. Looks at jobs that have not ended alone, by the index of those.

use sea_orm::sea_query::{CaseStatement, Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Select, Statement,
};

use super::entity::{counter, job};
use super::pauses::is_paused;
use super::{Error, Store, row};
use crate::job::{State, Timestamp};

/// Job types that are told of. A catalog has fewer.
const TYPES_MAX: u64 = 1_000;
/// Quarantined messages that are counted; where there are more, it is so many at least.
const QUARANTINED_MAX: u64 = 100_000;

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Of job types that have jobs which have not ended, by their names.
    pub types: Vec<TypeStanding>,
    /// Messages in the quarantine, 100,000 at most.
    pub quarantined: u64,
    /// What came too late for its job, since the database was made.
    pub anomalies: u64,
}

/// What waits of one job type.
#[derive(Debug, Clone, PartialEq, Eq, Default, FromQueryResult)]
pub struct TypeStanding {
    /// Which.
    pub job_type: String,
    /// Tasks that are to be handed out and were not, be it that they wait for their time.
    pub unsent: i64,
    /// Since when the oldest of them that is not paused should have been handed out, in milliseconds since the Unix epoch.
    pub oldest_unsent_millis: Option<i64>,
    /// Tasks that were handed out, and nobody has reported a start or an outcome.
    pub not_started: i64,
    /// When the oldest of them was last changed.
    pub oldest_not_started_millis: Option<i64>,
    /// Jobs that are being executed.
    pub running: i64,
    /// Jobs whose deadline has passed.
    pub overdue: i64,
    /// Jobs that wait for an operator.
    pub held: i64,
}

impl Store {
    pub(super) async fn standing(&self, now: Timestamp) -> Result<Standing, Error> {
        let read = &self.inner.read;
        let anomalies = counter::Entity::find_by_id("anomalies").one(read).await?;
        Ok(Standing {
            types: self.types(now).await?,
            quarantined: self.quarantined().await?,
            anomalies: anomalies.map_or(0, |counter| u64::try_from(counter.value).unwrap_or(0)),
        })
    }

    async fn quarantined(&self) -> Result<u64, Error> {
        let sql = format!(
            "SELECT COUNT(*) AS count FROM (SELECT 1 FROM quarantine LIMIT {QUARANTINED_MAX}) AS kept"
        );
        let statement = Statement::from_string(self.backend(), sql);
        let row = self.inner.read.query_one_raw(statement).await?;
        let count: i64 = row.ok_or(Error::Corrupt("count"))?.try_get("", "count")?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn types(&self, now: Timestamp) -> Result<Vec<TypeStanding>, Error> {
        Ok(types(now).into_model().all(&self.inner.read).await?)
    }
}

/// What waits of each type.
fn types(now: Timestamp) -> Select<job::Entity> {
    use job::Column as C;
    let (unsent, not_started) = (is_unsent(), is_not_started());
    let is_running = C::State.eq(row::state_number(State::Running));
    let is_held = Expr::col(C::HeldDispatch).equals(C::Dispatch);
    job::Entity::find()
        .select_only()
        .column(C::JobType)
        .column_as(count(unsent), "unsent")
        .column_as(Expr::min(since_due(now)), "oldest_unsent_millis")
        .column_as(count(not_started.clone()), "not_started")
        .column_as(
            Expr::min(only_if(not_started, C::UpdateTime)),
            "oldest_not_started_millis",
        )
        .column_as(count(is_running), "running")
        .column_as(count(C::Deadline.lt(now.millis())), "overdue")
        .column_as(count(is_held), "held")
        .filter(C::EndTime.is_null())
        .group_by(C::JobType)
        .order_by_asc(C::JobType)
        .limit(TYPES_MAX)
}

fn is_unsent() -> SimpleExpr {
    job::Column::DispatchDue.is_not_null()
}

fn is_not_started() -> SimpleExpr {
    let queued = job::Column::State.eq(row::state_number(State::Queued));
    job::Column::DispatchDue.is_null().and(queued)
}

/// Since when a task should have been handed out: none of what is paused, or waits for its time. A claim, and whoever gives one back, moves the time when
/// it is due on and on; it is late since the job was last changed, then.
fn since_due(now: Timestamp) -> SimpleExpr {
    use job::Column as C;
    let was_claimed = Expr::col(C::ClaimedDispatch)
        .equals(C::Dispatch)
        .and(C::DispatchDue.is_not_null());
    let is_later = Expr::col(C::DispatchDue).gt(Expr::col(C::UpdateTime));
    CaseStatement::new()
        .case(is_paused(), Expr::value(Option::<i64>::None))
        .case(was_claimed, Expr::col(C::UpdateTime))
        .case(C::DispatchDue.gt(now.millis()), Expr::value(Option::<i64>::None))
        .case(is_later, Expr::col(C::DispatchDue))
        .case(is_unsent(), Expr::col(C::UpdateTime))
        .into()
}

fn count(holds: SimpleExpr) -> SimpleExpr {
    Expr::count(only_if(holds, job::Column::Dispatch))
}

/// The column where this holds, and else nothing, which aggregates leave out.
fn only_if(holds: SimpleExpr, column: job::Column) -> SimpleExpr {
    CaseStatement::new().case(holds, Expr::col(column)).into()
}

#[cfg(test)]
pub(super) mod tests {
    use sea_orm::{DbBackend, QueryTrait as _};

    use super::*;
    use crate::store::Config;

    /// Of twenty thousand jobs all but twenty have ended.
    pub(in crate::store) const JOBS: &str = "
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
        INSERT INTO jobs (id, partner_id, job_type, job_type_version, state, revision, dispatch, cancel_requested, labels,
            create_time, update_time, end_time, deadline, queue_timeout_millis, execution_timeout_millis, retention_millis,
            claimed_dispatch, traceparent, tracestate, change_generation, change_position)
        SELECT {id}, 'acme', 'a.b', '1', CASE WHEN n % 1000 = 0 THEN 2 ELSE 3 END, 1, 1, false, '{}',
            0, 0, CASE WHEN n % 1000 = 0 THEN NULL ELSE 1 END, n, 1, 1, 1, 1, '', '', 0, n FROM numbers";

    async fn plan(store: &Store, id: &str, explain: &str, column: usize) -> String {
        let write = &store.inner.write;
        write.execute_unprepared(&JOBS.replace("{id}", id)).await.unwrap();
        write.execute_unprepared("ANALYZE").await.unwrap();
        let [only] = store
            .types(Timestamp::from_millis(0))
            .await
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(only.running, 20);
        let mut statement = types(Timestamp::from_millis(0)).build(store.backend());
        statement.sql = format!("{explain} {}", statement.sql);
        let rows = write.query_all_raw(statement).await.unwrap();
        let lines = rows
            .iter()
            .map(|row| row.try_get_by_index::<String>(column).unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn jobs_that_have_ended_cost_nothing_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        let plan = plan(&store, "randomblob(16)", "EXPLAIN QUERY PLAN", 3).await;
        assert!(
            plan.contains("SCAN jobs USING INDEX jobs_active")
                || plan.contains("USING INDEX jobs_by_deadline"),
            "{plan}"
        );
    }

    #[tokio::test]
    async fn jobs_that_have_ended_cost_nothing_on_postgres() {
        let url = postern_pgtest::database().unwrap();
        let store = Store::open(&Config::new(url)).await.unwrap();
        assert_eq!(store.backend(), DbBackend::Postgres);
        store.migrate().await.unwrap();
        let plan = plan(&store, "gen_random_uuid()", "EXPLAIN", 0).await;
        assert!(!plan.contains("Seq Scan on jobs"), "{plan}");
    }
}
