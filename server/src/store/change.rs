//! The place of a change in the order of all changes: (generation, position, job id).
//!
//! On PostgreSQL the position is the transaction's id, so that a reader can stay below the oldest transaction still running;
//! a plain sequence would let it miss what commits out of order. SQLite has one writer, so a counter serves.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait, QueryFilter,
    Statement,
};

use super::Error;
use super::entity::counter;

/// Where the changes of a transaction stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) generation: i32,
    pub(super) position: i64,
}

/// Reading from `jobs` for update takes a lock on the whole table, which `mark` waits for: whoever has a generation commits before it rises.
/// The lock comes before the statement's snapshot, so what is read after waiting is the new one.
const ON_POSTGRES: &str = "
    WITH held AS (SELECT id FROM jobs WHERE false FOR KEY SHARE)
    SELECT pg_current_xact_id()::text::bigint AS position, value AS generation FROM counters WHERE name = 'generation'";

const ON_SQLITE: &str = "
    UPDATE counters SET value = value + 1 WHERE name = 'change'
    RETURNING value AS position, (SELECT value FROM counters WHERE name = 'generation') AS generation";

/// The place of all that this transaction changes.
pub(super) async fn place(tx: &DatabaseTransaction) -> Result<Place, Error> {
    let sql = if tx.get_database_backend() == DbBackend::Postgres {
        ON_POSTGRES
    } else {
        ON_SQLITE
    };
    let statement = Statement::from_string(tx.get_database_backend(), sql);
    let row = tx
        .query_one_raw(statement)
        .await?
        .ok_or(Error::Corrupt("generation"))?;
    Ok(Place {
        generation: generation(row.try_get("", "generation")?)?,
        position: row.try_get("", "position")?,
    })
}

/// A generation as the database counts it.
pub(super) fn generation(number: i64) -> Result<i32, Error> {
    i32::try_from(number).map_err(|_too_large| Error::Corrupt("generation"))
}

/// Raises a counter and returns it.
pub(super) async fn count(tx: &DatabaseTransaction, name: &str) -> Result<i64, Error> {
    let rows = counter::Entity::update_many()
        .col_expr(counter::Column::Value, Expr::col(counter::Column::Value).add(1))
        .filter(counter::Column::Name.eq(name))
        .exec_with_returning(tx)
        .await?;
    rows.first().map(|row| row.value).ok_or(Error::Corrupt("counter"))
}
