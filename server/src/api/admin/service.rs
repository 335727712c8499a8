//! `AdminService`: each call to the file that answers it.

use postern_proto::postern::admin::v1::admin_service_server::AdminService;
use postern_proto::postern::admin::v1::{
    CancelJobRequest, CancelJobResponse, EndJobRequest, EndJobResponse, GetJobRequest, GetJobResponse,
    GetStatusRequest, GetStatusResponse, ListJobEventsRequest, ListJobEventsResponse, ListJobsRequest,
    ListJobsResponse, RedriveJobRequest, RedriveJobResponse, RetryJobRequest, RetryJobResponse,
};
use tonic::{Request, Response, Status};

use super::Admin;

#[tonic::async_trait]
impl AdminService for Admin {
    async fn get_job(&self, request: Request<GetJobRequest>) -> Result<Response<GetJobResponse>, Status> {
        self.get(request).await
    }

    async fn list_jobs(
        &self,
        request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        self.list(request).await
    }

    async fn list_job_events(
        &self,
        request: Request<ListJobEventsRequest>,
    ) -> Result<Response<ListJobEventsResponse>, Status> {
        self.events(request).await
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<CancelJobResponse>, Status> {
        self.cancel(request).await
    }

    async fn retry_job(
        &self,
        request: Request<RetryJobRequest>,
    ) -> Result<Response<RetryJobResponse>, Status> {
        self.retry(request).await
    }

    async fn redrive_job(
        &self,
        request: Request<RedriveJobRequest>,
    ) -> Result<Response<RedriveJobResponse>, Status> {
        self.redrive(request).await
    }

    async fn end_job(&self, request: Request<EndJobRequest>) -> Result<Response<EndJobResponse>, Status> {
        self.end(request).await
    }

    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        self.status(request).await
    }
}
