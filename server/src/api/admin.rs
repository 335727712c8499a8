//! `AdminService`: the jobs of all partners for those who operate the server, and what can be done about them. Alone reaches
//! `store::operator`.

mod act;
mod actions;
mod cancel;
mod convert;
mod deed;
mod end;
mod events;
mod filter;
mod get;
mod list;
mod pauses;
mod quarantine;
mod reason;
mod redrive;
mod retry;
mod service;
mod status;

use super::{Api, Problem, caller};
use crate::job::{JobId, Operator};
use postern_proto::postern::admin::v1 as pb;
use tonic::Request;

/// What operators may call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admin(pub(super) Api);

impl Admin {
    /// The service over the same parts as those of partners.
    #[must_use]
    pub const fn new(api: Api) -> Self {
        Self(api)
    }

    /// A job as it is now, in the words of lists.
    async fn job(&self, id: JobId) -> Result<pb::Job, Problem> {
        let found = self.0.store.operator().get(id).await?;
        let inspected = found.ok_or_else(Problem::job_not_found)?;
        Ok(convert::job(&inspected))
    }
}

/// Who acts.
fn operator<T>(request: &Request<T>) -> Result<Operator, Problem> {
    Ok(Operator::new(&caller(request)?.client_id))
}
