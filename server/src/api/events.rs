//! `ListJobEvents`: a job's history, in the words that partners read.

use postern_proto::postern::v1::{JobEvent, ListJobEventsRequest, ListJobEventsResponse};
use tonic::{Request, Response, Status};

use super::get::job_id;
use super::page::{Page, page_size, read_max, token_invalid};
use super::problem::Problem;
use super::{Api, caller, convert};
use crate::job::{EventKind, PartnerId};
use crate::store::HistoryEntry;

impl Api {
    pub(super) async fn events(
        &self,
        request: Request<ListJobEventsRequest>,
    ) -> Result<Response<ListJobEventsResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let reply = self.page_of_events(&partner, request.get_ref()).await?;
        Ok(Response::new(reply))
    }

    async fn page_of_events(
        &self,
        partner: &PartnerId,
        request: &ListJobEventsRequest,
    ) -> Result<ListJobEventsResponse, Problem> {
        let id = job_id(&request.job_id)?;
        let mut violations = Vec::new();
        let size = page_size(request.page_size, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations));
        }
        let of_job = id.uuid();
        let page = Page::new(&self.seal, partner, "events", of_job.as_bytes());
        let after = match page.read(&request.page_token)? {
            Some(position) => number_at(&position)?,
            None => 0,
        };
        let mut entries = self
            .store
            .partner()
            .history(partner, id, after, read_max(size))
            .await?;
        if entries.is_empty() {
            return Err(Problem::job_not_found());
        }
        Ok(ListJobEventsResponse {
            next_page_token: page.cut(&mut entries, size, |entry| entry.number.to_be_bytes()),
            events: entries.into_iter().map(event).collect(),
        })
    }
}

pub(super) fn number_at(position: &[u8]) -> Result<i32, Problem> {
    position
        .try_into()
        .map(i32::from_be_bytes)
        .map_err(|_invalid| token_invalid())
}

/// An entry as partners read it.
pub(super) fn event(entry: HistoryEntry) -> JobEvent {
    JobEvent {
        time: Some(convert::timestamp(entry.time)),
        state: convert::state(entry.state).into(),
        revision: entry.revision,
        dispatch: entry.dispatch,
        message: sentence(&entry),
        r#type: entry.kind,
    }
}

/// What a partner reads of an entry: nothing of queues and their messages, which are the operator's. What a newer server wrote of a kind that
/// this one does not know may be for operators, too, and is told by its name alone.
///
/// What an operator did is told without their name and reason, which are not for partners.
fn sentence(entry: &HistoryEntry) -> String {
    let by_operator = entry.operator.is_some();
    match EventKind::from_name(&entry.kind) {
        Some(EventKind::Sent) => "handed out to be executed".to_owned(),
        Some(EventKind::Cancelled) if by_operator => {
            "cancelled by an operator before it was handed out".to_owned()
        }
        Some(EventKind::CancelRequested) if by_operator => "an operator asked for a cancellation".to_owned(),
        Some(EventKind::Succeeded) if by_operator => "succeeded, as an operator says".to_owned(),
        Some(EventKind::Redriven) if by_operator => {
            "the task is handed out again, as an operator wished".to_owned()
        }
        Some(EventKind::Retried) if by_operator => "asked for again by an operator".to_owned(),
        Some(EventKind::Failed) if by_operator => "ended by an operator".to_owned(),
        Some(EventKind::MessageReplayed) => "an operator has a report about it read again".to_owned(),
        Some(EventKind::MessageDropped) => {
            "an operator dropped a report about it that could not be used".to_owned()
        }
        Some(
            EventKind::Submitted
            | EventKind::Started
            | EventKind::RetryScheduled
            | EventKind::CancelRequested
            | EventKind::Succeeded
            | EventKind::Failed
            | EventKind::Cancelled
            | EventKind::Expired
            | EventKind::DeadLettered
            | EventKind::Redriven
            | EventKind::Retried
            | EventKind::LateOutcome
            | EventKind::LateDeadLetter,
        ) => entry.message.clone(),
        None => entry.kind.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Operator, State, Timestamp};

    fn told(kind: &str, message: &str, operator: Option<&str>) -> String {
        sentence(&HistoryEntry {
            number: 1,
            time: Timestamp::from_millis(0),
            kind: kind.to_owned(),
            state: State::Queued,
            revision: 1,
            dispatch: 1,
            message: message.to_owned(),
            operator: operator.map(Operator::new),
            sqs_message_id: None,
        })
    }

    #[test]
    fn partners_read_nothing_of_the_queue() {
        let stored = "handed to the queue as message 5fea7756-0ea4-451a-a703-a558b933e274";
        assert_eq!(told("sent", stored, None), "handed out to be executed");
        assert_eq!(told("failed", "failed with GONE", None), "failed with GONE");
        assert_eq!(
            told("moved_by_hand", "by jane@example.com", None),
            "moved by hand"
        );
    }

    #[test]
    fn partners_read_neither_who_operates_nor_why() {
        for kind in EventKind::ALL {
            let message = told(kind.as_str(), "x: because of incident 7", Some("jane"));
            assert!(!message.contains("jane"), "{message}");
            // These can be the doing of nobody else, and have no reason.
            let is_anothers = matches!(
                kind,
                EventKind::Submitted
                    | EventKind::Sent
                    | EventKind::Started
                    | EventKind::RetryScheduled
                    | EventKind::Expired
                    | EventKind::DeadLettered
                    | EventKind::LateOutcome
                    | EventKind::LateDeadLetter
            );
            if !is_anothers {
                assert!(
                    message.contains("operator") && !message.contains("incident"),
                    "{message}"
                );
            }
        }
    }
}
