//! What operators see and do: who wrote an entry of a history, which message of the queue a sending was, what else was done and why, and
//! indexes for jobs of all partners.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string, string_null, text, text_null, uuid, uuid_null};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [text_null("operator"), string_null("sqs_message_id")] {
            let column = Table::alter().table("job_events").add_column(column).to_owned();
            manager.alter_table(column).await?;
        }
        manager.create_table(actions()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// One row an action, kept when the job that it was about is gone. Ids are UUIDv7, so newest first is descending id.
fn actions() -> TableCreateStatement {
    Table::create()
        .table("operator_actions")
        .col(uuid("id").primary_key())
        .col(big_integer("time"))
        .col(text("operator"))
        .col(string("kind"))
        .col(uuid_null("job_id"))
        .col(text("subject"))
        .col(text("reason"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 3] {
    // Newest first, of all partners: few jobs of many.
    let open = Index::create()
        .name("jobs_open")
        .table("jobs")
        .col("id")
        .and_where(Expr::col("end_time").is_null())
        .to_owned();
    let anomalies = Index::create()
        .name("job_events_anomalies")
        .table("job_events")
        .col("job_id")
        .and_where(Expr::cust("kind IN ('late_outcome', 'late_dead_letter')"))
        .to_owned();
    let by_time = Index::create()
        .name("operator_actions_by_time")
        .table("operator_actions")
        .col("time")
        .to_owned();
    [open, anomalies, by_time]
}
