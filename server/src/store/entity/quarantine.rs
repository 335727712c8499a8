//! Messages that could not be used, kept for the operator.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub time: i64,
    pub reason: String,
    pub message_id: String,
    pub body: Vec<u8>,
    pub is_dead_letter: bool,
    pub job_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub replay_by: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub replay_reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
