//! `ListActions`: what operators did, newest first.

use postern_proto::postern::admin::v1 as pb;
use tonic::{Request, Response, Status};

use super::super::convert::timestamp;
use super::super::page::{Page, page_size, read_max};
use super::super::problem::Problem;
use super::{Admin, caller};
use crate::job::PartnerId;
use crate::store::operator::{Action, ActionId};

impl Admin {
    pub(super) async fn actions(
        &self,
        request: Request<pb::ListActionsRequest>,
    ) -> Result<Response<pb::ListActionsResponse>, Status> {
        let asker = caller(&request)?.partner.clone();
        let reply = self.page_of_actions(&asker, request.get_ref()).await?;
        Ok(Response::new(reply))
    }

    async fn page_of_actions(
        &self,
        asker: &PartnerId,
        request: &pb::ListActionsRequest,
    ) -> Result<pb::ListActionsResponse, Problem> {
        let mut violations = Vec::new();
        let size = page_size(request.page_size, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations));
        }
        let page = Page::new(&self.0.seal, asker, "admin actions", &[]);
        let after = page.read_id(&request.page_token)?.map(ActionId::from_uuid);
        let operator = self.0.store.operator();
        let mut actions = operator.actions(after, read_max(size)).await?;
        Ok(pb::ListActionsResponse {
            next_page_token: page.cut(&mut actions, size, |last| last.id.uuid().into_bytes()),
            actions: actions.into_iter().map(message).collect(),
        })
    }
}

fn message(action: Action) -> pb::Action {
    pb::Action {
        time: Some(timestamp(action.time)),
        operator: action.operator.into(),
        r#type: action.kind,
        job_id: action.job.map(|job| job.to_string()).unwrap_or_default(),
        subject: action.subject,
        reason: action.reason,
    }
}
