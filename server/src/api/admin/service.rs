//! `AdminService`: each call to the file that answers it.

use postern_proto::postern::admin::v1::admin_service_server::AdminService;
use postern_proto::postern::admin::v1::{
    ActOnJobsRequest, ActOnJobsResponse, CancelJobRequest, CancelJobResponse, DropQuarantinedMessageRequest,
    DropQuarantinedMessageResponse, EndJobRequest, EndJobResponse, GetJobRequest, GetJobResponse,
    GetQuarantinedMessageRequest, GetQuarantinedMessageResponse, GetStatusRequest, GetStatusResponse,
    ListActionsRequest, ListActionsResponse, ListJobEventsRequest, ListJobEventsResponse, ListJobsRequest,
    ListJobsResponse, ListPausesRequest, ListPausesResponse, ListQuarantinedMessagesRequest,
    ListQuarantinedMessagesResponse, PauseDispatchRequest, PauseDispatchResponse, RedriveJobRequest,
    RedriveJobResponse, ReplayQuarantinedMessageRequest, ReplayQuarantinedMessageResponse,
    ResumeDispatchRequest, ResumeDispatchResponse, RetryJobRequest, RetryJobResponse,
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

    async fn act_on_jobs(
        &self,
        request: Request<ActOnJobsRequest>,
    ) -> Result<Response<ActOnJobsResponse>, Status> {
        self.act(request).await
    }

    async fn list_quarantined_messages(
        &self,
        request: Request<ListQuarantinedMessagesRequest>,
    ) -> Result<Response<ListQuarantinedMessagesResponse>, Status> {
        self.quarantined(request).await
    }

    async fn get_quarantined_message(
        &self,
        request: Request<GetQuarantinedMessageRequest>,
    ) -> Result<Response<GetQuarantinedMessageResponse>, Status> {
        self.quarantined_whole(request).await
    }

    async fn replay_quarantined_message(
        &self,
        request: Request<ReplayQuarantinedMessageRequest>,
    ) -> Result<Response<ReplayQuarantinedMessageResponse>, Status> {
        self.replay(request).await
    }

    async fn drop_quarantined_message(
        &self,
        request: Request<DropQuarantinedMessageRequest>,
    ) -> Result<Response<DropQuarantinedMessageResponse>, Status> {
        self.drop_message(request).await
    }

    async fn pause_dispatch(
        &self,
        request: Request<PauseDispatchRequest>,
    ) -> Result<Response<PauseDispatchResponse>, Status> {
        self.pause(request).await
    }

    async fn resume_dispatch(
        &self,
        request: Request<ResumeDispatchRequest>,
    ) -> Result<Response<ResumeDispatchResponse>, Status> {
        self.resume(request).await
    }

    async fn list_pauses(
        &self,
        _request: Request<ListPausesRequest>,
    ) -> Result<Response<ListPausesResponse>, Status> {
        self.pauses().await
    }

    async fn list_actions(
        &self,
        request: Request<ListActionsRequest>,
    ) -> Result<Response<ListActionsResponse>, Status> {
        self.actions(request).await
    }

    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        self.status(request).await
    }
}
