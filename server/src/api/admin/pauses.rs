//! `PauseDispatch`, `ResumeDispatch`, `ListPauses`: what is not handed out.

use postern_proto::postern::admin::v1 as pb;
use postern_proto::postern::admin::v1::pause::Subject;
use postern_proto::postern::admin::v1::{pause_dispatch_request, resume_dispatch_request};
use tonic::{Code, Request, Response, Status};

use super::super::convert::timestamp;
use super::super::problem::{Problem, Violation};
use super::{Admin, operator, reason};
use crate::job::{PartnerId, Timestamp};
use crate::store::operator::{Pause, PauseSubject};

/// Of the name of a job type or a partner.
const NAME_BYTES_MAX: usize = 128;

impl Admin {
    pub(super) async fn pause(
        &self,
        request: Request<pb::PauseDispatchRequest>,
    ) -> Result<Response<pb::PauseDispatchResponse>, Status> {
        use pause_dispatch_request::Subject as Asked;
        let operator = operator(&request)?;
        let request = request.into_inner();
        let asked = request.subject.map(|subject| match subject {
            Asked::JobType(name) => Subject::JobType(name),
            Asked::PartnerId(name) => Subject::PartnerId(name),
        });
        let subject = subject(asked, &request.reason)?;
        if let PauseSubject::JobType(name) = &subject
            && self.0.catalog.get(name).is_none()
        {
            return Err(Problem::job_type_unknown().into());
        }
        let face = self.0.store.operator();
        let paused = face
            .pause(&operator, &subject, &request.reason, Timestamp::now())
            .await;
        let pause = paused.map_err(Problem::from)?.ok_or_else(too_many)?;
        Ok(Response::new(pb::PauseDispatchResponse {
            pause: Some(message(pause)),
        }))
    }

    /// Of a job type that the catalog no longer has, too.
    pub(super) async fn resume(
        &self,
        request: Request<pb::ResumeDispatchRequest>,
    ) -> Result<Response<pb::ResumeDispatchResponse>, Status> {
        use resume_dispatch_request::Subject as Asked;
        let operator = operator(&request)?;
        let request = request.into_inner();
        let asked = request.subject.map(|subject| match subject {
            Asked::JobType(name) => Subject::JobType(name),
            Asked::PartnerId(name) => Subject::PartnerId(name),
        });
        let subject = subject(asked, &request.reason)?;
        let face = self.0.store.operator();
        face.resume(&operator, &subject, &request.reason, Timestamp::now())
            .await
            .map_err(Problem::from)?;
        Ok(Response::new(pb::ResumeDispatchResponse {}))
    }

    pub(super) async fn pauses(&self) -> Result<Response<pb::ListPausesResponse>, Status> {
        let pauses = self.0.store.operator().pauses().await.map_err(Problem::from)?;
        Ok(Response::new(pb::ListPausesResponse {
            pauses: pauses.into_iter().map(message).collect(),
        }))
    }
}

/// Whose tasks are meant, or everything that is wrong with the request.
fn subject(asked: Option<Subject>, reason: &str) -> Result<PauseSubject, Problem> {
    let mut violations = Vec::new();
    match &asked {
        Some(Subject::JobType(name)) => note_faults("/jobType", name, &mut violations),
        Some(Subject::PartnerId(name)) => note_faults("/partnerId", name, &mut violations),
        None => violations.push(Violation::new(
            "/jobType",
            "REQUIRED",
            "must name a job type, or `partnerId` a partner",
        )),
    }
    reason::note_faults(reason, &mut violations);
    match asked {
        Some(asked) if violations.is_empty() => Ok(match asked {
            Subject::JobType(name) => PauseSubject::JobType(name),
            Subject::PartnerId(name) => PauseSubject::Partner(PartnerId::new(name)),
        }),
        _ => Err(Problem::invalid_request(violations)),
    }
}

fn note_faults(field: &str, name: &str, violations: &mut Vec<Violation>) {
    if name.is_empty() {
        violations.push(Violation::new(field, "REQUIRED", "must not be empty"));
    }
    if name.len() > NAME_BYTES_MAX {
        violations.push(Violation::new(
            field,
            "TOO_LONG",
            "no name has more than 128 bytes",
        ));
    }
    if name.contains('\0') {
        violations.push(Violation::nul(field));
    }
}

/// As it is listed, and told of in how things stand.
pub(super) fn message(pause: Pause) -> pb::Pause {
    let subject = match pause.subject {
        PauseSubject::JobType(name) => Subject::JobType(name),
        PauseSubject::Partner(partner) => Subject::PartnerId(partner.as_str().to_owned()),
    };
    pb::Pause {
        subject: Some(subject),
        reason: pause.reason,
        operator: pause.operator.into(),
        time: Some(timestamp(pause.time)),
    }
}

fn too_many() -> Problem {
    Problem::new(
        Code::FailedPrecondition,
        "TOO_MANY_PAUSES",
        "1,000 job types and partners are paused: resume others first",
    )
}
