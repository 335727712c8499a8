//! Tasks in the order in which they are claimed. What is due at once has one and the same time: by the time alone, a claim would have to put a whole
//! backlog in order to take fifty. Jobs that have nothing to send are not in it.
//!
//! It serves servers of before as well, so the index that it replaces goes at once: every sending would pay for both.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let in_order = Index::create()
            .name("jobs_in_order")
            .table("jobs")
            .col("dispatch_due")
            .col("id")
            .and_where(Expr::col("dispatch_due").is_not_null())
            .to_owned();
        manager.create_index(in_order).await?;
        manager
            .drop_index(Index::drop().name("jobs_by_due").table("jobs").to_owned())
            .await
    }
}
