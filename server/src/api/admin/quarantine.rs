//! `…QuarantinedMessage…`: messages that could not be used, read again or dropped.

use postern_proto::postern::admin::v1 as pb;
use tonic::{Code, Request, Response, Status};

use super::super::convert::timestamp;
use super::super::page::{Page, page_size, read_max};
use super::super::problem::Problem;
use super::{Admin, caller, operator, reason};
use crate::job::{PartnerId, Timestamp};
use crate::store::operator::{Marked, QuarantineId, Quarantined};

impl Admin {
    pub(super) async fn quarantined(
        &self,
        request: Request<pb::ListQuarantinedMessagesRequest>,
    ) -> Result<Response<pb::ListQuarantinedMessagesResponse>, Status> {
        let asker = caller(&request)?.partner.clone();
        let reply = self.page_of_messages(&asker, request.get_ref()).await?;
        Ok(Response::new(reply))
    }

    async fn page_of_messages(
        &self,
        asker: &PartnerId,
        request: &pb::ListQuarantinedMessagesRequest,
    ) -> Result<pb::ListQuarantinedMessagesResponse, Problem> {
        let mut violations = Vec::new();
        let size = page_size(request.page_size, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations));
        }
        let page = Page::new(&self.0.seal, asker, "admin quarantine", &[]);
        let after = page.read_id(&request.page_token)?.map(QuarantineId::from_uuid);
        let operator = self.0.store.operator();
        let mut messages = operator.quarantined(after, read_max(size)).await?;
        Ok(pb::ListQuarantinedMessagesResponse {
            next_page_token: page.cut(&mut messages, size, |last| last.id.uuid().into_bytes()),
            messages: messages.into_iter().map(message).collect(),
        })
    }

    pub(super) async fn quarantined_whole(
        &self,
        request: Request<pb::GetQuarantinedMessageRequest>,
    ) -> Result<Response<pb::GetQuarantinedMessageResponse>, Status> {
        let id = id(&request.get_ref().quarantine_id)?;
        let found = self.0.store.operator().quarantined_whole(id).await;
        let (quarantined, body) = found.map_err(Problem::from)?.ok_or_else(not_found)?;
        let message = pb::QuarantinedMessage {
            body,
            ..message(quarantined)
        };
        Ok(Response::new(pb::GetQuarantinedMessageResponse {
            message: Some(message),
        }))
    }

    pub(super) async fn replay(
        &self,
        request: Request<pb::ReplayQuarantinedMessageRequest>,
    ) -> Result<Response<pb::ReplayQuarantinedMessageResponse>, Status> {
        let operator = operator(&request)?;
        let request = request.into_inner();
        let id = id(&request.quarantine_id)?;
        reason::check(&request.reason)?;
        let face = self.0.store.operator();
        let marked = face
            .replay(&operator, id, &request.reason, Timestamp::now())
            .await;
        match marked.map_err(Problem::from)?.ok_or_else(not_found)? {
            Marked::Due(marked) => Ok(Response::new(pb::ReplayQuarantinedMessageResponse {
                message: Some(message(marked)),
            })),
            Marked::Empty => Err(not_kept().into()),
        }
    }

    pub(super) async fn drop_message(
        &self,
        request: Request<pb::DropQuarantinedMessageRequest>,
    ) -> Result<Response<pb::DropQuarantinedMessageResponse>, Status> {
        let operator = operator(&request)?;
        let request = request.into_inner();
        let id = id(&request.quarantine_id)?;
        reason::check(&request.reason)?;
        let face = self.0.store.operator();
        let dropped = face
            .drop_quarantined(&operator, id, &request.reason, Timestamp::now())
            .await;
        if dropped.map_err(Problem::from)? {
            Ok(Response::new(pb::DropQuarantinedMessageResponse {}))
        } else {
            Err(not_found().into())
        }
    }
}

/// What could not be an id is not found like one that does not exist.
fn id(text: &str) -> Result<QuarantineId, Problem> {
    QuarantineId::parse(text).ok_or_else(not_found)
}

/// As lists show it.
fn message(quarantined: Quarantined) -> pb::QuarantinedMessage {
    pb::QuarantinedMessage {
        quarantine_id: quarantined.id.to_string(),
        time: Some(timestamp(quarantined.time)),
        reason: quarantined.reason,
        sqs_message_id: quarantined.message_id,
        job_id: quarantined.job.map(|job| job.to_string()).unwrap_or_default(),
        size_bytes: i32::try_from(quarantined.size_bytes).unwrap_or(i32::MAX),
        replaying: quarantined.is_replaying,
        body: Vec::new(),
    }
}

fn not_found() -> Problem {
    Problem::new(
        Code::NotFound,
        "MESSAGE_NOT_FOUND",
        "there is no such message in the quarantine",
    )
}

fn not_kept() -> Problem {
    Problem::new(
        Code::FailedPrecondition,
        "MESSAGE_NOT_KEPT",
        "its job was deleted, and what the message said was not kept: there is nothing to collect again",
    )
}
