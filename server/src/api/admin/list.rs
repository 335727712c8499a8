//! `ListJobs`: jobs of all partners, newest first.

use postern_proto::postern::admin::v1::{ListJobsRequest, ListJobsResponse};
use tonic::{Request, Response, Status};

use super::super::page::{Page, page_size, read_max};
use super::super::problem::Problem;
use super::{Admin, caller, convert, filter};
use crate::job::{JobId, PartnerId, Timestamp};
use crate::store::operator::{Filter, Inspected};

impl Admin {
    pub(super) async fn list(
        &self,
        request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        let asker = caller(&request)?.partner.clone();
        let reply = self.page_of_jobs(&asker, request.into_inner()).await?;
        Ok(Response::new(reply))
    }

    async fn page_of_jobs(
        &self,
        asker: &PartnerId,
        request: ListJobsRequest,
    ) -> Result<ListJobsResponse, Problem> {
        let mut violations = Vec::new();
        let size = page_size(request.page_size, &mut violations);
        let asked = request.filter.unwrap_or_default();
        let filter = filter::read(&asked, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations));
        }
        let filter_key = filter::key(&asked);
        let page = Page::new(&self.0.seal, asker, "admin jobs", &filter_key);
        let (jobs, more) = self.matching(&page, &request.page_token, &filter, size).await?;
        let last = jobs.last().filter(|_| more);
        Ok(ListJobsResponse {
            next_page_token: last
                .map(|last| page.token(last.job.id.uuid().as_bytes()))
                .unwrap_or_default(),
            jobs: jobs.iter().map(convert::job).collect(),
        })
    }

    /// A page of the jobs that match, and whether there are more.
    pub(super) async fn matching(
        &self,
        page: &Page<'_>,
        token: &str,
        filter: &Filter,
        size: usize,
    ) -> Result<(Vec<Inspected>, bool), Problem> {
        let after = page.read_id(token)?.map(JobId::from_uuid);
        let operator = self.0.store.operator();
        let mut jobs = operator
            .list(filter, after, read_max(size), Timestamp::now())
            .await?;
        let more = jobs.len() > size;
        jobs.truncate(size);
        Ok((jobs, more))
    }
}
