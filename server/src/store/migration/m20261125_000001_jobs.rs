//! Jobs and all that belongs to them. Times are milliseconds since the Unix epoch: every database stores and compares them alike.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, boolean, integer, integer_null, json, json_null,
    small_integer, string, string_null, text, text_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            jobs(),
            bodies(),
            labels(),
            events(),
            outcomes(),
            unique_keys(),
            quarantine(),
            counters(),
        ] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let counter = Query::insert()
            .into_table("counters")
            .columns(["name", "value"])
            .values_panic(["change".into(), 0.into()])
            .values_panic(["anomalies".into(), 0.into()])
            .to_owned();
        manager.execute(counter).await
    }
}

/// One row a job, its own outbox: `dispatch_due` is when its task is to be claimed for sending next, and null once it is sent.
/// A claim moves it past the claimant's lease; `claimed_dispatch` remembers for ever that a claim was taken.
/// (`change_generation`, `change_position`) orders changes across jobs, for cursors.
fn jobs() -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(uuid("id").primary_key())
        .col(string("partner_id"))
        .col(string("job_type"))
        .col(string("job_type_version"))
        .col(small_integer("state"))
        .col(integer("revision"))
        .col(integer("dispatch"))
        .col(integer_null("attempt"))
        .col(big_integer_null("seq"))
        .col(boolean("cancel_requested"))
        .col(json("labels"))
        .col(string_null("request_id"))
        .col(binary_null("request_digest"))
        .col(uuid_null("retried_from"))
        .col(uuid_null("retried_by"))
        .col(integer_null("progress_completed"))
        .col(integer_null("progress_total"))
        .col(text_null("progress_message"))
        .col(json_null("failure"))
        .col(big_integer("create_time"))
        .col(big_integer("update_time"))
        .col(big_integer_null("start_time"))
        .col(big_integer_null("end_time"))
        .col(big_integer("deadline"))
        .col(big_integer_null("purge_time"))
        .col(big_integer("queue_timeout_millis"))
        .col(big_integer("execution_timeout_millis"))
        .col(big_integer("retention_millis"))
        .col(big_integer_null("dispatch_due"))
        .col(integer("claimed_dispatch"))
        .col(text("traceparent"))
        .col(text("tracestate"))
        .col(integer("change_generation"))
        .col(big_integer("change_position"))
        .to_owned()
}

fn bodies() -> TableCreateStatement {
    Table::create()
        .table("job_bodies")
        .col(uuid("job_id").primary_key())
        .col(text("payload"))
        .col(text_null("result"))
        .col(text_null("outputs"))
        .foreign_key(&mut of_job("job_bodies"))
        .to_owned()
}

fn labels() -> TableCreateStatement {
    Table::create()
        .table("job_labels")
        .col(uuid("job_id"))
        .col(string("key"))
        .col(text("value"))
        .primary_key(Index::create().col("job_id").col("key"))
        .foreign_key(&mut of_job("job_labels"))
        .to_owned()
}

fn events() -> TableCreateStatement {
    Table::create()
        .table("job_events")
        .col(uuid("job_id"))
        .col(integer("number"))
        .col(big_integer("time"))
        .col(string("kind"))
        .col(small_integer("state"))
        .col(integer("revision"))
        .col(integer("dispatch"))
        .col(text("message"))
        .primary_key(Index::create().col("job_id").col("number"))
        .foreign_key(&mut of_job("job_events"))
        .to_owned()
}

fn outcomes() -> TableCreateStatement {
    Table::create()
        .table("outcome_events")
        .col(uuid("job_id"))
        .col(integer("dispatch"))
        .col(string("event_id"))
        .primary_key(Index::create().col("job_id").col("dispatch").col("event_id"))
        .foreign_key(&mut of_job("outcome_events"))
        .to_owned()
}

fn unique_keys() -> TableCreateStatement {
    Table::create()
        .table("unique_keys")
        .col(string("partner_id"))
        .col(string("job_type"))
        .col(string("name"))
        .col(binary("digest"))
        .col(uuid("job_id"))
        .primary_key(
            Index::create()
                .col("partner_id")
                .col("job_type")
                .col("name")
                .col("digest"),
        )
        .foreign_key(&mut of_job("unique_keys"))
        .to_owned()
}

fn quarantine() -> TableCreateStatement {
    Table::create()
        .table("quarantine")
        .col(uuid("id").primary_key())
        .col(big_integer("time"))
        .col(text("reason"))
        .col(string("message_id"))
        .col(binary("body"))
        .to_owned()
}

fn counters() -> TableCreateStatement {
    Table::create()
        .table("counters")
        .col(string("name").primary_key())
        .col(big_integer("value"))
        .to_owned()
}

fn of_job(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "job_id")
        .to("jobs", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &'static str, table: &'static str| Index::create().name(name).table(table).to_owned();
    vec![
        // Idempotency: databases hold any number of nulls to be different.
        index("jobs_by_request", "jobs")
            .unique()
            .col("partner_id")
            .col("request_id")
            .to_owned(),
        // Lists are newest first, and ids rise with time.
        index("jobs_by_partner", "jobs")
            .col("partner_id")
            .col("id")
            .to_owned(),
        index("jobs_by_change", "jobs")
            .col("partner_id")
            .col("change_generation")
            .col("change_position")
            .col("id")
            .to_owned(),
        index("jobs_by_due", "jobs").col("dispatch_due").to_owned(),
        index("job_labels_by_value", "job_labels")
            .col("key")
            .col("value")
            .to_owned(),
        index("unique_keys_by_job", "unique_keys")
            .col("job_id")
            .to_owned(),
    ]
}
