//! Marks: how a database that was restored is told from the one that a cursor knows.
//!
//! Every start of a server leaves a mark: a random number, and the position that changes had reached. A cursor names the newest mark of its
//! time. Where the database lacks that mark, or has a later one at or before the cursor's position, the cursor knows changes that this
//! database never had: positions begin anew after a restore, and going on from there would miss what comes until they have caught up.
//! A clock decides nothing here.
//!
//! A dump that was restored into another PostgreSQL brings positions along which that one has not reached. The generation rises then, so that
//! what changes from now on comes after them.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement, Value,
};
use uuid::Uuid;

use super::{Error, Store, change};
use crate::job::Timestamp;

/// Longer than any cursor is good for.
const KEPT_MILLIS: i64 = 8 * 24 * 60 * 60 * 1000;

/// Which database of which cluster of PostgreSQL this is, and on which timeline: another one after a failover, or a recovery to a point
/// in time.
const CLUSTER: &str = "(
    SELECT system_identifier # ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
        # ((SELECT oid FROM pg_database WHERE datname = current_database())::bigint << 32)
    FROM pg_control_system())";
const NO_CLUSTER: &str = "CAST(0 AS BIGINT)";

/// The highest position stored by jobs of this generation, partner by partner, as the index has it, or by marks; and what the database
/// itself has reached. What a snapshot sees is below its upper bound.
const STORED: &str = "
    WITH RECURSIVE partners AS (
        SELECT min(partner_id) AS id FROM jobs
        UNION ALL
        SELECT (SELECT min(partner_id) FROM jobs WHERE partner_id > partners.id) FROM partners WHERE partners.id IS NOT NULL
    )
    SELECT generation.value AS generation,
        (SELECT max((SELECT max(change_position) FROM jobs WHERE partner_id = partners.id AND change_generation = generation.value))
            FROM partners) AS jobs,
        (SELECT max(position) FROM change_marks) AS marks,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS reached
    FROM counters AS generation WHERE generation.name = 'generation'";

impl Store {
    /// Marks that a server starts, once the schema is there and before it serves. Whoever restores a database starts its servers anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_start(&self, now: Timestamp) -> Result<(), Error> {
        self.again(|| self.try_mark_start(now)).await
    }

    async fn try_mark_start(&self, now: Timestamp) -> Result<(), Error> {
        let tx = self.begin().await?;
        if self.backend() == DbBackend::Postgres {
            raise_if_ahead(&tx).await?;
        }
        let position = change::place(&tx).await?.position;
        let mark: [Value; 3] = [position.into(), nonce().into(), now.millis().into()];
        execute(
            &tx,
            "INSERT INTO change_marks (position, nonce, time) VALUES ($1, $2, $3)",
            mark,
        )
        .await?;
        // The newest of those that no cursor can name any more tells when the next one began.
        let old = "DELETE FROM change_marks WHERE position < (SELECT max(position) FROM change_marks WHERE time < $1)";
        execute(&tx, old, [now.plus_millis(-KEPT_MILLIS).millis().into()]).await?;
        Ok(tx.commit().await?)
    }
}

/// A number like no other before.
pub(super) fn nonce() -> i64 {
    // The lower half of a UUIDv7 is random but for its first two bits.
    let (_, random) = Uuid::now_v7().as_u64_pair();
    (random << 2).cast_signed()
}

/// How to ask which cluster this is, in SQL: some providers refuse to tell.
pub(super) async fn cluster(db: &DatabaseConnection) -> Result<&'static str, Error> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(NO_CLUSTER);
    }
    let asked = Statement::from_string(DbBackend::Postgres, format!("SELECT {CLUSTER} AS cluster"));
    match db.query_one_raw(asked).await.map_err(Error::from) {
        Ok(_) => Ok(CLUSTER),
        Err(Error::Refused(error)) => {
            tracing::warn!(%error, "the database does not say which cluster it is: cursors may miss changes after a failover that loses some");
            Ok(NO_CLUSTER)
        }
        Err(error) => Err(error),
    }
}

/// Raises the generation where positions are stored that this database has not reached yet.
async fn raise_if_ahead(tx: &DatabaseTransaction) -> Result<(), Error> {
    if !is_ahead(&stored(tx).await?)? {
        return Ok(());
    }
    // Waits until all have committed that know the old generation, and lets nobody begin.
    tx.execute_unprepared("LOCK TABLE jobs IN EXCLUSIVE MODE").await?;
    // Another server may have been faster.
    if is_ahead(&stored(tx).await?)? {
        tracing::warn!("the database was restored: the cursors of before are expired");
        change::count(tx, "generation").await?;
        tx.execute_unprepared("DELETE FROM change_marks").await?;
    }
    Ok(())
}

async fn stored(tx: &DatabaseTransaction) -> Result<QueryResult, Error> {
    let statement = Statement::from_string(DbBackend::Postgres, STORED);
    tx.query_one_raw(statement)
        .await?
        .ok_or(Error::Corrupt("generation"))
}

fn is_ahead(stored: &QueryResult) -> Result<bool, DbErr> {
    let (jobs, marks): (Option<i64>, Option<i64>) =
        (stored.try_get("", "jobs")?, stored.try_get("", "marks")?);
    let reached: i64 = stored.try_get("", "reached")?;
    Ok(jobs.max(marks).is_some_and(|position| position >= reached))
}

async fn execute(
    tx: &DatabaseTransaction,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{Database, TransactionTrait as _};

    use super::*;
    use crate::store::Config;

    async fn on_postgres() -> (Store, DatabaseConnection) {
        let url = postern_pgtest::database().unwrap();
        let raw = Database::connect(&url).await.unwrap();
        let store = Store::open(&Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        (store, raw)
    }

    async fn number(db: &impl ConnectionTrait, sql: &str) -> i64 {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = db.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    #[tokio::test]
    async fn the_generation_does_not_rise_under_whoever_knows_the_old_one() {
        let (store, raw) = on_postgres().await;
        let ahead = "UPDATE change_marks SET position = 9000000000000000000";
        raw.execute_unprepared(ahead).await.unwrap();
        let writer = store.begin().await.unwrap();
        assert_eq!(change::place(&writer).await.unwrap().generation, 0);
        let starting = tokio::spawn({
            let store = store.clone();
            async move { store.mark_start(Timestamp::from_millis(0)).await }
        });
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobs'::regclass";
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while number(&raw, waiting).await == 0 {
            assert!(std::time::Instant::now() < deadline && !starting.is_finished());
        }
        // One that begins now learns the new generation.
        let late = tokio::spawn({
            let store = store.clone();
            async move {
                let writer = store.begin().await?;
                change::place(&writer).await
            }
        });
        while number(&raw, waiting).await < 2 {
            assert!(std::time::Instant::now() < deadline && !late.is_finished());
        }
        writer.commit().await.unwrap();
        starting.await.unwrap().unwrap();
        assert_eq!(late.await.unwrap().unwrap().generation, 1);
        store.mark_start(Timestamp::from_millis(0)).await.unwrap();
        let generation = "SELECT value FROM counters WHERE name = 'generation'";
        assert_eq!(number(&raw, generation).await, 1, "once is enough");
    }

    #[tokio::test]
    async fn an_ordinary_account_may_ask_which_cluster_it_is() {
        let (store, raw) = on_postgres().await;
        assert_eq!(store.inner.cluster, CLUSTER);
        let tx = raw.begin().await.unwrap();
        tx.execute_unprepared("CREATE ROLE ordinary; SET LOCAL ROLE ordinary")
            .await
            .unwrap();
        assert_ne!(number(&tx, &format!("SELECT {CLUSTER}")).await, 0);
        tx.rollback().await.unwrap();
    }
}
