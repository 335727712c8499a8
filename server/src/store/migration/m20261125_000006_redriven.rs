//! Which dispatch was redriven: of it, no report of a consumer proves that the newest task was sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer_null;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Table::alter()
            .table("jobs")
            .add_column(integer_null("redriven_dispatch"))
            .to_owned();
        manager.alter_table(column).await
    }
}
