//! What the sweep looks for: the deadlines of jobs that have not ended, what is to be purged, and what was quarantined long ago.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = |name: &'static str, table: &'static str, column: &'static str| {
            Index::create().name(name).table(table).col(column).to_owned()
        };
        // Most jobs have ended: an index of those that have not stays small.
        let deadlines = index("jobs_by_deadline", "jobs", "deadline")
            .and_where(Expr::col("end_time").is_null())
            .to_owned();
        let purges = index("jobs_by_purge", "jobs", "purge_time")
            .and_where(Expr::col("purge_time").is_not_null())
            .to_owned();
        for index in [
            deadlines,
            purges,
            index("quarantine_by_time", "quarantine", "time"),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
