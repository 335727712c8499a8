//! CatalogService: which jobs may be submitted, and how.

use postern_proto::postern::v1::catalog_service_server::CatalogService;
use postern_proto::postern::v1::{
    GetJobTypeRequest, GetJobTypeResponse, JobType as ProtoJobType, ListJobTypesRequest,
    ListJobTypesResponse, UniqueConstraint,
};
use prost_types::Struct;
use serde_json::Value;
use tonic::{Code, Request, Response, Status};

use super::page::{Page, page_size};
use super::problem::Problem;
use super::{Api, caller, payload};
use crate::catalog::JobType;

#[tonic::async_trait]
impl CatalogService for Api {
    async fn list_job_types(
        &self,
        request: Request<ListJobTypesRequest>,
    ) -> Result<Response<ListJobTypesResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let request = request.into_inner();
        let mut violations = Vec::new();
        let size = page_size(request.page_size, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations).into());
        }
        let page = Page::new(&self.seal, &partner, "jobTypes", &[]);
        let after = page.read(&request.page_token)?;
        let mut rest = self.catalog.iter().filter(|job_type| {
            after
                .as_ref()
                .is_none_or(|after| job_type.name().as_bytes() > after.as_slice())
        });
        let listed: Vec<&JobType> = rest.by_ref().take(size).collect();
        let last = listed.last().filter(|_| rest.next().is_some());
        Ok(Response::new(ListJobTypesResponse {
            next_page_token: last
                .map(|job_type| page.token(job_type.name().as_bytes()))
                .unwrap_or_default(),
            job_types: listed
                .into_iter()
                .map(|job_type| self.describe(job_type))
                .collect(),
        }))
    }

    async fn get_job_type(
        &self,
        request: Request<GetJobTypeRequest>,
    ) -> Result<Response<GetJobTypeResponse>, Status> {
        let job_type = self.catalog.get(&request.get_ref().job_type);
        let job_type = job_type
            .ok_or_else(|| Problem::new(Code::NotFound, "JOB_TYPE_NOT_FOUND", "there is no such job type"))?;
        Ok(Response::new(GetJobTypeResponse {
            job_type: Some(self.describe(job_type)),
        }))
    }
}

impl Api {
    fn describe(&self, job_type: &JobType) -> ProtoJobType {
        let unique = job_type.unique().iter().map(|constraint| UniqueConstraint {
            name: constraint.name.clone(),
            pointers: constraint.pointers.clone(),
        });
        ProtoJobType {
            name: job_type.name().to_owned(),
            title: job_type.title().to_owned(),
            description: job_type.description().to_owned(),
            version: job_type.version().to_owned(),
            payload_schema: Some(object(job_type.schema())),
            unique_constraints: unique.collect(),
            payload_bytes_max: i32::try_from(self.payload_bytes_max.of(job_type)).unwrap_or(i32::MAX),
            queue_timeout: prost_types::Duration::try_from(job_type.queue_timeout()).ok(),
            execution_timeout: prost_types::Duration::try_from(job_type.execution_timeout()).ok(),
            examples: job_type.examples().iter().map(object).collect(),
        }
    }
}

/// A JSON object as a Struct. A schema may also be `true` or `false`, which say nothing about a payload.
fn object(value: &Value) -> Struct {
    value
        .as_object()
        .cloned()
        .map(payload::from_json)
        .unwrap_or_default()
}
