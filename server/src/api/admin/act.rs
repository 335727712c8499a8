//! `ActOnJobs`: one thing for every job that a filter matches, a page at a time, or what it would come to.

use postern_proto::postern::admin::v1::{ActOnJobsRequest, ActOnJobsResponse, ActedOn, JobFilter};
use tonic::{Request, Response, Status};

use super::super::page::{Page, page_size_or};
use super::super::problem::{Problem, Violation};
use super::super::trace;
use super::deed::{Deed, Kind};
use super::{Admin, caller, convert, filter, operator, reason};
use crate::store::operator::{Filter, Inspected};

const SIZE_DEFAULT: usize = 20;
const SIZE_MAX: usize = 100;

/// What is asked for, with nothing wrong with it.
struct Asked {
    filter: Filter,
    kind: Kind,
    size: usize,
    /// What page tokens are bound to: those of a dry run fit what it tries.
    key: Vec<u8>,
}

impl Admin {
    pub(super) async fn act(
        &self,
        request: Request<ActOnJobsRequest>,
    ) -> Result<Response<ActOnJobsResponse>, Status> {
        let asker = caller(&request)?.partner.clone();
        let (operator, trace) = (operator(&request)?, trace::of(request.metadata()));
        let asked = read(request.get_ref())?;
        let ActOnJobsRequest {
            reason,
            dry_run,
            page_token,
            ..
        } = request.into_inner();
        let deed = Deed {
            kind: asked.kind,
            operator,
            reason,
            trace,
        };
        let page = Page::new(&self.0.seal, &asker, "admin acts", &asked.key);
        let (jobs, mut more) = self
            .matching(&page, &page_token, &asked.filter, asked.size)
            .await?;
        let (mut acted, mut last) = (Vec::with_capacity(jobs.len()), None);
        for inspected in jobs {
            let id = inspected.job.id;
            match self.act_or_try(inspected, &deed, dry_run).await {
                Ok(one) => acted.push(one),
                // What was done is told; the next page begins where nothing could be done.
                Err(problem) if acted.is_empty() => return Err(problem.into()),
                Err(_logged) => {
                    more = true;
                    break;
                }
            }
            last = Some(id);
        }
        let last = last.filter(|_| more);
        Ok(Response::new(ActOnJobsResponse {
            next_page_token: last
                .map(|last| page.token(last.uuid().as_bytes()))
                .unwrap_or_default(),
            jobs: acted,
        }))
    }

    /// What came of one job. An error is one that would meet the next jobs, too.
    async fn act_or_try(&self, inspected: Inspected, deed: &Deed, dry_run: bool) -> Result<ActedOn, Problem> {
        let id = inspected.job.id;
        let result = if dry_run {
            self.try_on(&inspected.job, deed).await
        } else {
            self.act_on(id, deed).await
        };
        let error = match result {
            Ok(()) => None,
            Err(problem) if problem.is_unavailable() => return Err(problem),
            Err(problem) => Some(problem.into()),
        };
        let now = self.0.store.operator().get(id).await?;
        Ok(ActedOn {
            // As it was, where it is gone.
            job: Some(convert::job(&now.unwrap_or(inspected))),
            error,
        })
    }
}

/// What a request asks for, or all that is wrong with it.
fn read(request: &ActOnJobsRequest) -> Result<Asked, Problem> {
    let mut violations = Vec::new();
    let asked = request.filter.clone().unwrap_or_default();
    if asked == JobFilter::default() {
        violations.push(Violation::new("/filter", "REQUIRED", "must say which jobs"));
    }
    let filter = filter::read(&asked, &mut violations);
    let kind = Kind::read(request.action, &mut violations);
    reason::note_faults(&request.reason, &mut violations);
    let size = page_size_or(SIZE_DEFAULT, request.page_size, &mut violations);
    match kind {
        Some(kind) if violations.is_empty() => Ok(Asked {
            filter,
            kind,
            size: size.min(SIZE_MAX),
            key: [&request.action.to_be_bytes()[..], &filter::key(&asked)].concat(),
        }),
        _ => Err(Problem::invalid_request(violations)),
    }
}
