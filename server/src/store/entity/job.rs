//! One row a job: what every reader needs, and its outbox.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub partner_id: String,
    pub job_type: String,
    pub job_type_version: String,
    pub state: i16,
    pub revision: i32,
    pub dispatch: i32,
    pub attempt: Option<i32>,
    pub seq: Option<i64>,
    pub cancel_requested: bool,
    pub labels: Json,
    pub request_id: Option<String>,
    pub request_digest: Option<Vec<u8>>,
    pub retried_from: Option<Uuid>,
    pub retried_by: Option<Uuid>,
    pub progress_completed: Option<i32>,
    pub progress_total: Option<i32>,
    pub progress_message: Option<String>,
    pub failure: Option<Json>,
    pub create_time: i64,
    pub update_time: i64,
    pub start_time: Option<i64>,
    pub end_time: Option<i64>,
    pub deadline: i64,
    pub purge_time: Option<i64>,
    pub queue_timeout_millis: i64,
    pub execution_timeout_millis: i64,
    pub retention_millis: i64,
    pub dispatch_due: Option<i64>,
    pub claimed_dispatch: i32,
    pub failing_dispatch: Option<i32>,
    pub held_dispatch: Option<i32>,
    pub redriven_dispatch: Option<i32>,
    pub traceparent: String,
    pub tracestate: String,
    pub change_generation: i32,
    pub change_position: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
