//! `ListJobEvents`: a job's history as it was written.

use postern_proto::postern::admin::v1::{JobEvent, ListJobEventsRequest, ListJobEventsResponse};
use tonic::{Request, Response, Status};

use super::super::events::{self, number_at};
use super::super::get::job_id;
use super::super::page::{Page, page_size, read_max};
use super::super::problem::Problem;
use super::{Admin, caller};
use crate::job::PartnerId;
use crate::store::HistoryEntry;

impl Admin {
    pub(super) async fn events(
        &self,
        request: Request<ListJobEventsRequest>,
    ) -> Result<Response<ListJobEventsResponse>, Status> {
        let asker = caller(&request)?.partner.clone();
        let reply = self.page_of_events(&asker, request.get_ref()).await?;
        Ok(Response::new(reply))
    }

    async fn page_of_events(
        &self,
        asker: &PartnerId,
        request: &ListJobEventsRequest,
    ) -> Result<ListJobEventsResponse, Problem> {
        let id = job_id(&request.job_id)?;
        let mut violations = Vec::new();
        let size = page_size(request.page_size, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations));
        }
        let of_job = id.uuid();
        let page = Page::new(&self.0.seal, asker, "admin events", of_job.as_bytes());
        let after = match page.read(&request.page_token)? {
            Some(position) => number_at(&position)?,
            None => 0,
        };
        let operator = self.0.store.operator();
        let mut entries = operator.history(id, after, read_max(size)).await?;
        if entries.is_empty() {
            return Err(Problem::job_not_found());
        }
        Ok(ListJobEventsResponse {
            next_page_token: page.cut(&mut entries, size, |entry| entry.number.to_be_bytes()),
            events: entries.into_iter().map(event).collect(),
        })
    }
}

fn event(mut entry: HistoryEntry) -> JobEvent {
    JobEvent {
        message: entry.message.clone(),
        operator: entry.operator.take().map(String::from).unwrap_or_default(),
        sqs_message_id: entry.sqs_message_id.take().unwrap_or_default(),
        event: Some(events::event(entry)),
    }
}
