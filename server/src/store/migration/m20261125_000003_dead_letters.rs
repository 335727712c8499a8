//! Which jobs have a task among the dead letters: the dispatch of it, as with `claimed_dispatch`, so that a server that does not know these
//! columns leaves no job behind that seems dead when it has been handed out anew.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer_null;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["failing_dispatch", "held_dispatch"] {
            let column = Table::alter()
                .table("jobs")
                .add_column(integer_null(column))
                .to_owned();
            manager.alter_table(column).await?;
        }
        Ok(())
    }
}
