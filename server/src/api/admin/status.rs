//! `GetStatus`: how things stand now.

use postern_proto::postern::admin::v1 as pb;
use postern_proto::postern::admin::v1::{GetStatusRequest, GetStatusResponse};
use tonic::{Request, Response, Status};

use super::super::convert::timestamp;
use super::super::problem::Problem;
use super::{Admin, pauses};
use crate::job::Timestamp;
use crate::store::TypeStanding;
use crate::vitals::{Counted, Role};

impl Admin {
    pub(super) async fn status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let reading = self.0.vitals.read().await.map_err(Problem::from)?;
        let paused = self.0.store.operator().pauses().await.map_err(Problem::from)?;
        let standing = &reading.standing;
        Ok(Response::new(GetStatusResponse {
            queues: reading.queues.iter().map(queue).collect(),
            job_types: standing
                .types
                .iter()
                .map(|of_type| job_type(of_type, self.0.vitals.queue_of(&of_type.job_type)))
                .collect(),
            quarantined: i64::try_from(standing.quarantined).unwrap_or(i64::MAX),
            anomalies: i64::try_from(standing.anomalies).unwrap_or(i64::MAX),
            pauses: paused.into_iter().map(pauses::message).collect(),
        }))
    }
}

fn queue(counted: &Counted) -> pb::QueueStatus {
    let role = match counted.role {
        Role::Tasks => pb::QueueRole::Tasks,
        Role::Outcomes => pb::QueueRole::Outcomes,
    };
    let status = pb::QueueStatus {
        name: counted.name.clone(),
        role: role.into(),
        ..pb::QueueStatus::default()
    };
    match &counted.depth {
        Err(error) => pb::QueueStatus {
            error: error.to_string(),
            ..status
        },
        Ok(depth) => pb::QueueStatus {
            visible: depth.visible,
            in_flight: depth.in_flight,
            delayed: depth.delayed,
            dead_letter_queue: depth
                .dead
                .as_ref()
                .map(|dead| dead.queue.clone())
                .unwrap_or_default(),
            dead_letters: depth.dead.as_ref().map_or(0, |dead| dead.messages),
            max_receive_count: depth.dead.as_ref().map_or(0, |dead| dead.receives_max),
            visibility_timeout_seconds: depth.visibility_timeout_seconds,
            message_bytes_max: depth.message_bytes_max,
            ..status
        },
    }
}

fn job_type(standing: &TypeStanding, queue: &str) -> pb::JobTypeStatus {
    let time = |millis| timestamp(Timestamp::from_millis(millis));
    pb::JobTypeStatus {
        job_type: standing.job_type.clone(),
        queue: queue.to_owned(),
        unsent: standing.unsent,
        oldest_unsent_time: standing.oldest_unsent_millis.map(time),
        not_started: standing.not_started,
        oldest_not_started_time: standing.oldest_not_started_millis.map(time),
        running: standing.running,
        overdue: standing.overdue,
        held: standing.held,
    }
}
