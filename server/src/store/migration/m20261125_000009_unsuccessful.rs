//! Jobs that ended without success, newest first: a few among many that succeeded, and the ones that operators ask for.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unsuccessful = Index::create()
            .name("jobs_unsuccessful")
            .table("jobs")
            .col("id")
            .and_where(Expr::cust("state IN (4, 5, 6)"))
            .to_owned();
        manager.create_index(unsuccessful).await
    }
}
