//! ListJobs: a filter, and page tokens that hold for it and its partner alone.

use postern_proto::postern::v1::{ListJobsRequest, ListJobsResponse};
use prost::Message;
use tonic::{Request, Response, Status};

use super::page::{Page, page_size, read_max};
use super::problem::{Problem, Violation};
use super::{Api, caller, convert};
use crate::job::{JobId, Timestamp};
use crate::store::Filter;

/// As many as a job has at most; the database nests a condition for each.
const LABELS_MAX: usize = 16;

impl Api {
    pub(super) async fn list(
        &self,
        request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let request = request.into_inner();
        let mut violations = Vec::new();
        let size = page_size(request.page_size, &mut violations);
        let filter = filter(&request, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations).into());
        }
        let filter_key = filter_key(&request);
        let page = Page::new(&self.seal, &partner, "jobs", &filter_key);
        let after = page.read_id(&request.page_token)?.map(JobId::from_uuid);
        let mut jobs = self
            .store
            .partner()
            .list(&partner, &filter, after, read_max(size))
            .await
            .map_err(Problem::from)?;
        Ok(Response::new(ListJobsResponse {
            next_page_token: page.cut(&mut jobs, size, |job| job.id.uuid().into_bytes()),
            jobs: jobs.iter().map(convert::job).collect(),
        }))
    }
}

/// The filter, with everything that is wrong with it.
fn filter(request: &ListJobsRequest, violations: &mut Vec<Violation>) -> Filter {
    let mut filter = Filter {
        job_type: Some(request.job_type.clone()).filter(|name| !name.is_empty()),
        ..Filter::default()
    };
    for (index, number) in request.states.iter().enumerate() {
        match convert::state_from(*number) {
            Some(state) if filter.states.contains(&state) => {}
            Some(state) => filter.states.push(state),
            None => violations.push(Violation::new(
                format!("/states/{index}"),
                "INVALID_VALUE",
                "must be a state of jobs",
            )),
        }
    }
    if request.labels.len() > LABELS_MAX {
        violations.push(Violation::new("/labels", "TOO_MANY", "at most 16 labels"));
    }
    if request.job_type.contains('\0') {
        violations.push(Violation::nul("/jobType"));
    }
    for (index, label) in request.labels.iter().enumerate() {
        if label.contains('\0') {
            violations.push(Violation::nul(format!("/labels/{index}")));
        }
        match label.split_once('=') {
            Some((key, value)) if !key.is_empty() => filter.labels.push((key.to_owned(), value.to_owned())),
            _ => violations.push(Violation::new(
                format!("/labels/{index}"),
                "INVALID_VALUE",
                "must be of the form key=value",
            )),
        }
    }
    filter.created_after = time("/createdAfter", request.created_after.as_ref(), violations);
    filter.created_before = time("/createdBefore", request.created_before.as_ref(), violations);
    filter
}

pub(super) fn time(
    field: &str,
    time: Option<&prost_types::Timestamp>,
    violations: &mut Vec<Violation>,
) -> Option<Timestamp> {
    let millis = convert::timestamp_from(time?);
    if millis.is_none() {
        violations.push(Violation::new(field, "OUT_OF_RANGE", "is not a time"));
    }
    millis
}

/// The request without its place in the list. It has no map, so its encoding is one and the same.
fn filter_key(request: &ListJobsRequest) -> Vec<u8> {
    ListJobsRequest {
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &ListJobsRequest) -> (Filter, Vec<Violation>) {
        let mut violations = Vec::new();
        (filter(request, &mut violations), violations)
    }

    #[test]
    fn a_filter_is_no_larger_than_what_it_can_match() {
        let labels = |count| (0..count).map(|n| format!("key={n}")).collect();
        let request = |labels, states| ListJobsRequest {
            labels,
            states,
            ..Default::default()
        };
        let (filter, violations) = read(&request(labels(16), vec![1; 1_000_000]));
        assert_eq!((filter.states.len(), violations.len()), (1, 0));
        let (_, violations) = read(&request(labels(17), Vec::new()));
        assert_eq!(
            violations,
            [Violation::new("/labels", "TOO_MANY", "at most 16 labels")]
        );
    }
}
