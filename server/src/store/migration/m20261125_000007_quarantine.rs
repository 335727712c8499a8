//! What operators do about messages that could not be used, and about what is handed out: where such a message came from, which job it is about, who
//! wishes to have it read again; and what is paused.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, string, text, text_null, uuid_null};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            // What a server of before quarantines is read as an outcome: a task among it tells of no event, and stays.
            boolean("is_dead_letter").default(false).to_owned(),
            uuid_null("job_id"),
            text_null("replay_by"),
            text_null("replay_reason"),
        ] {
            let column = Table::alter().table("quarantine").add_column(column).to_owned();
            manager.alter_table(column).await?;
        }
        let replays = Index::create()
            .name("quarantine_replays")
            .table("quarantine")
            .col("id")
            .and_where(Expr::col("replay_by").is_not_null())
            .to_owned();
        manager.create_index(replays).await?;
        manager.create_table(pauses()).await
    }
}

/// One row a pause. `subject` is `job_type/…` or `partner/…`.
fn pauses() -> TableCreateStatement {
    Table::create()
        .table("pauses")
        .col(string("subject").primary_key())
        .col(text("reason"))
        .col(text("operator"))
        .col(big_integer("time"))
        .to_owned()
}
