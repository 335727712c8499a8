//! What changed since a cursor, each job in its newest state, in the order of changes.

use sea_orm::ColumnTrait;
use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, Statement, Value,
};
use uuid::Uuid;

use super::cursor::Cursor;
use super::entity::job;
use super::{Error, Store, change, row};
use crate::job::{Job, JobId, PartnerId};

/// A page of changes.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Each changed job once, and where its reader then stands.
    pub jobs: Vec<(Job, Cursor)>,
    /// Where to go on from.
    pub next: Cursor,
    /// Whether there are changes that must not be told yet, since one that is still being made may come before them. Nobody is told when
    /// that has ended.
    pub is_held_back: bool,
}

/// All that is committed at a place below this is seen, and nothing will be committed there any more: on PostgreSQL below the oldest
/// transaction that runs, in the snapshot of the very statement that reads.
const FRONTIER_ON_POSTGRES: &str = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
const FRONTIER_ON_SQLITE: &str = "(SELECT value + 1 FROM counters WHERE name = 'change')";

impl Store {
    /// At most `count` jobs that changed after the cursor; without one, none, and where changes stand now. None where the cursor knows what
    /// this database does not: it was restored.
    pub(super) async fn changes(
        &self,
        partner: &PartnerId,
        job_type: Option<&str>,
        after: Option<&Cursor>,
        count: u64,
    ) -> Result<Option<Changes>, Error> {
        let values = values(partner, job_type, after, count);
        let statement = Statement::from_sql_and_values(self.backend(), self.changes_sql(), values);
        let rows = self.inner.read.query_all_raw(statement).await?;
        let stand = Stand::read(rows.first().ok_or(Error::Corrupt("generation"))?)?;
        if after.is_some_and(|after| !stand.follows(after)) {
            return Ok(None);
        }
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: Option<Uuid> = row.try_get("", "id")?;
            if id.is_some() {
                let found = job::Model::from_query_result(row, "")?;
                let cursor = stand.cursor(found.change_position, found.id);
                jobs.push((row::read(found)?, cursor));
            }
        }
        let is_full = after.is_some() && jobs.len() as u64 >= count;
        let last = jobs.last().map(|(_, cursor)| *cursor).filter(|_| is_full);
        Ok(Some(Changes {
            next: last.unwrap_or_else(|| stand.newest(after)),
            jobs,
            is_held_back: stand.is_held_back,
        }))
    }

    /// Where changes stand, and a page of them, in one statement: of two, each would see a database of its own. There is a first row even
    /// where no job has changed.
    fn changes_sql(&self) -> String {
        let frontier = if self.backend() == DbBackend::Postgres {
            FRONTIER_ON_POSTGRES
        } else {
            FRONTIER_ON_SQLITE
        };
        let of_partner =
            "FROM jobs WHERE partner_id = $1 AND change_generation = (SELECT generation FROM stand)";
        format!(
            "
            WITH stand AS (
                SELECT {frontier} AS frontier, (SELECT value FROM counters WHERE name = 'generation') AS generation
            ), newest AS (
                SELECT change_position, id {of_partner} AND change_position < (SELECT frontier FROM stand)
                ORDER BY change_position DESC, id DESC LIMIT 1
            ), page AS (
                SELECT * {of_partner} AND change_position < (SELECT frontier FROM stand)
                    AND (change_position, id) > ($2, $3) AND ($4 = '' OR job_type = $4)
                ORDER BY change_position, id LIMIT $5
            )
            SELECT stand.frontier AS stand_frontier, stand.generation AS stand_generation, {cluster} AS stand_cluster,
                newest.change_position AS newest_position, newest.id AS newest_id,
                (SELECT nonce FROM change_marks ORDER BY position DESC LIMIT 1) AS stand_mark,
                EXISTS (
                    SELECT 1 FROM change_marks AS own WHERE own.nonce = $6 AND NOT EXISTS (
                        SELECT 1 FROM change_marks AS later WHERE later.position > own.position AND later.position <= $2
                    )
                ) AS is_of_this_past,
                EXISTS (SELECT 1 {of_partner} AND change_position >= (SELECT frontier FROM stand)) AS is_held_back,
                page.*
            FROM stand LEFT JOIN newest ON true LEFT JOIN page ON true ORDER BY page.change_position, page.id",
            cluster = self.inner.cluster,
        )
    }

    /// At most `count` jobs that are not terminal, newest first, that come after `after`.
    pub(super) async fn active(
        &self,
        partner: &PartnerId,
        job_type: Option<&str>,
        after: Option<JobId>,
        count: u64,
    ) -> Result<Vec<Job>, Error> {
        let mut jobs = job::Entity::find()
            .filter(job::Column::PartnerId.eq(partner.as_str()))
            // As the index says it.
            .filter(job::Column::EndTime.is_null());
        if let Some(job_type) = job_type {
            jobs = jobs.filter(job::Column::JobType.eq(job_type));
        }
        if let Some(after) = after {
            jobs = jobs.filter(job::Column::Id.lt(after.uuid()));
        }
        let rows = jobs
            .order_by_desc(job::Column::Id)
            .limit(count)
            .all(&self.inner.read)
            .await?;
        rows.into_iter().map(row::read).collect()
    }
}

fn values(partner: &PartnerId, job_type: Option<&str>, after: Option<&Cursor>, count: u64) -> [Value; 6] {
    let count = if after.is_some() { count } else { 0 };
    [
        partner.as_str().into(),
        after.map_or(0, |after| after.position).into(),
        after.map_or(Uuid::nil(), |after| after.job).into(),
        job_type.unwrap_or_default().into(),
        i64::try_from(count).unwrap_or(i64::MAX).into(),
        after.map_or(0, |after| after.mark).into(),
    ]
}

/// Where changes stand in a snapshot, and whether that follows from what the cursor knows.
struct Stand {
    generation: i32,
    frontier: i64,
    cluster: i64,
    mark: i64,
    newest: (Option<i64>, Option<Uuid>),
    is_of_this_past: bool,
    is_held_back: bool,
}

impl Stand {
    fn read(row: &QueryResult) -> Result<Self, Error> {
        Ok(Self {
            generation: change::generation(row.try_get("", "stand_generation")?)?,
            frontier: row.try_get("", "stand_frontier")?,
            cluster: row.try_get("", "stand_cluster")?,
            mark: row.try_get("", "stand_mark")?,
            newest: (row.try_get("", "newest_position")?, row.try_get("", "newest_id")?),
            is_of_this_past: row.try_get("", "is_of_this_past")?,
            is_held_back: row.try_get("", "is_held_back")?,
        })
    }

    fn follows(&self, cursor: &Cursor) -> bool {
        cursor.generation == self.generation
            && cursor.cluster == self.cluster
            && cursor.position < self.frontier
            && self.is_of_this_past
    }

    const fn cursor(&self, position: i64, job: Uuid) -> Cursor {
        Cursor {
            generation: self.generation,
            position,
            job,
            mark: self.mark,
            cluster: self.cluster,
        }
    }

    /// At the newest change, never before the cursor: the job that it knows may have been deleted.
    fn newest(&self, after: Option<&Cursor>) -> Cursor {
        let newest = match self.newest {
            (Some(position), Some(job)) => (position, job),
            _ => (0, Uuid::nil()),
        };
        let (position, job) = after.map_or(newest, |after| newest.max((after.position, after.job)));
        self.cursor(position, job)
    }
}
