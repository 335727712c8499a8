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

/// Raised when transaction ids begin anew, as after a restore.
const GENERATION: i32 = 0;

/// Where the changes of this transaction stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) generation: i32,
    pub(super) position: i64,
}

pub(super) async fn place(tx: &DatabaseTransaction) -> Result<Place, Error> {
    let position = if tx.get_database_backend() == DbBackend::Postgres {
        transaction_id(tx).await?
    } else {
        count(tx, "change").await?
    };
    Ok(Place {
        generation: GENERATION,
        position,
    })
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

async fn transaction_id(tx: &DatabaseTransaction) -> Result<i64, Error> {
    let statement = Statement::from_string(
        DbBackend::Postgres,
        "SELECT pg_current_xact_id()::text::bigint AS id",
    );
    let row = tx
        .query_one_raw(statement)
        .await?
        .ok_or(Error::Corrupt("transaction id"))?;
    Ok(row.try_get("", "id")?)
}
