//! A job's history, oldest first.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub time: i64,
    pub kind: String,
    pub state: i16,
    pub revision: i32,
    pub dispatch: i32,
    pub message: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub operator: Option<String>,
    pub sqs_message_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
