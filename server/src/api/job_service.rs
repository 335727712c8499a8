//! JobService: each call to the file that answers it.

use postern_proto::postern::v1::job_service_server::JobService;
use postern_proto::postern::v1::{
    CancelJobRequest, CancelJobResponse, DeleteJobRequest, DeleteJobResponse, GetJobRequest, GetJobResponse,
    ListJobChangesRequest, ListJobChangesResponse, ListJobEventsRequest, ListJobEventsResponse,
    ListJobsRequest, ListJobsResponse, RetryJobRequest, RetryJobResponse, SubmitJobRequest,
    SubmitJobResponse, WatchJobRequest, WatchJobsRequest,
};
use tonic::{Request, Response, Status};

use super::Api;
use super::watch::Watched;
use super::watch_jobs::WatchedJobs;

#[tonic::async_trait]
impl JobService for Api {
    async fn submit_job(
        &self,
        request: Request<SubmitJobRequest>,
    ) -> Result<Response<SubmitJobResponse>, Status> {
        self.submit(request).await
    }

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

    async fn list_job_changes(
        &self,
        request: Request<ListJobChangesRequest>,
    ) -> Result<Response<ListJobChangesResponse>, Status> {
        self.list_changes(request).await
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

    async fn delete_job(
        &self,
        request: Request<DeleteJobRequest>,
    ) -> Result<Response<DeleteJobResponse>, Status> {
        self.delete(request).await
    }

    type WatchJobStream = Watched;

    async fn watch_job(&self, request: Request<WatchJobRequest>) -> Result<Response<Watched>, Status> {
        self.watch(request).await
    }

    type WatchJobsStream = WatchedJobs;

    async fn watch_jobs(&self, request: Request<WatchJobsRequest>) -> Result<Response<WatchedJobs>, Status> {
        self.watch_all(request).await
    }
}
