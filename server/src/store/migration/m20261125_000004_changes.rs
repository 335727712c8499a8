//! What cursors over all jobs of a partner need: the generation of changes, the marks that tell this database's past from another's, and
//! an index for jobs that are not terminal.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;

use crate::store::mark;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(marks()).await?;
        let first = Query::insert()
            .into_table("change_marks")
            .columns(["position", "nonce", "time"])
            .values_panic([0_i64.into(), mark::nonce().into(), 0_i64.into()])
            .to_owned();
        manager.execute(first).await?;
        let generation = Query::insert()
            .into_table("counters")
            .columns(["name", "value"])
            .values_panic(["generation".into(), 0.into()])
            .to_owned();
        manager.execute(generation).await?;
        // What a snapshot reads: few jobs of many.
        let active = Index::create()
            .name("jobs_active")
            .table("jobs")
            .col("partner_id")
            .col("id")
            .and_where(Expr::col("end_time").is_null())
            .to_owned();
        manager.create_index(active).await
    }
}

/// One row a start of a server: which position changes had reached. `nonce` is random, `time` in milliseconds.
fn marks() -> TableCreateStatement {
    Table::create()
        .table("change_marks")
        .col(big_integer("position").primary_key())
        .col(big_integer("nonce"))
        .col(big_integer("time"))
        .to_owned()
}
