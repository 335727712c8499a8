//! Lists of a partner's jobs, newest first.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{job, label};
use super::{Error, Store, row};
use crate::job::{Job, JobId, PartnerId, State, Timestamp};

/// Which jobs to list: all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these states; any, when empty.
    pub states: Vec<State>,
    /// Of this type.
    pub job_type: Option<String>,
    /// With each of these labels.
    pub labels: Vec<(String, String)>,
    /// Created later than this.
    pub created_after: Option<Timestamp>,
    /// Created earlier than this.
    pub created_before: Option<Timestamp>,
}

impl Store {
    /// At most `count` jobs that come after `after` in the list.
    pub(super) async fn list(
        &self,
        partner: &PartnerId,
        filter: &Filter,
        after: Option<JobId>,
        count: u64,
    ) -> Result<Vec<Job>, Error> {
        let mut condition = condition(filter).add(job::Column::PartnerId.eq(partner.as_str()));
        if let Some(after) = after {
            condition = condition.add(job::Column::Id.lt(after.uuid()));
        }
        let rows = job::Entity::find()
            .filter(condition)
            .order_by_desc(job::Column::Id)
            .limit(count)
            .all(&self.inner.read)
            .await?;
        rows.into_iter().map(row::read).collect()
    }
}

fn condition(filter: &Filter) -> Condition {
    let mut condition = Condition::all();
    if !filter.states.is_empty() {
        condition =
            condition.add(job::Column::State.is_in(filter.states.iter().copied().map(row::state_number)));
    }
    if let Some(job_type) = &filter.job_type {
        condition = condition.add(job::Column::JobType.eq(job_type));
    }
    if let Some(after) = filter.created_after {
        condition = condition.add(job::Column::CreateTime.gt(after.millis()));
    }
    if let Some(before) = filter.created_before {
        condition = condition.add(job::Column::CreateTime.lt(before.millis()));
    }
    for (key, value) in &filter.labels {
        let labelled = Query::select()
            .expr(Expr::val(1))
            .from(label::Entity)
            .and_where(
                Expr::col((label::Entity, label::Column::JobId)).equals((job::Entity, job::Column::Id)),
            )
            .and_where(Expr::col((label::Entity, label::Column::Key)).eq(key.as_str()))
            .and_where(Expr::col((label::Entity, label::Column::Value)).eq(value.as_str()))
            .to_owned();
        condition = condition.add(Expr::exists(labelled));
    }
    condition
}
