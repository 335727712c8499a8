//! Ending what is stuck.

use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_proto::postern::admin::v1::{EndJobRequest, GetJobRequest};
use postern_proto::postern::v1::JobState;
use postern_server::job::{Code, Event, JobId, State};
use postern_server::store::system::Overdue;
use postern_server::store::{SubmitError, Submitted};
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tonic::Status;

use crate::world::{World, at, by_jane, jane, on_both, reason, violations};

on_both! {
    a_job_that_is_stuck_fails_with_the_reason_given,
    what_is_known_to_be_done_succeeds_with_its_result,
    an_end_settles_the_task_that_is_being_sent,
    a_failure_lets_go_of_what_the_job_held_and_a_success_does_not,
    an_outcome_and_a_deadline_that_come_later_change_nothing,
    what_has_ended_is_not_ended_again,
    all_that_is_wrong_with_an_end_is_told_at_once,
}

async fn a_job_that_is_stuck_fails_with_the_reason_given(world: World) {
    let id = world.submit().await;
    world.send(5).await;
    world.tell(id, Event::Started, 6).await;
    end(&world, id, JobState::Failed, None).await.unwrap();
    let job = world.get(id).await.job;
    let failure = job.failure.unwrap();
    assert_eq!((job.state, job.revision), (State::Failed, 3));
    assert_eq!(
        (failure.code, failure.reason.as_str()),
        (Code::Aborted, "ENDED_BY_OPERATOR")
    );
    assert_eq!(failure.message, "it hangs");
    assert!(job.purge_time.is_some());
    let last = world.deeds(id).await.pop();
    assert_eq!(last, Some(("failed".to_owned(), Some(jane()))));
    assert_eq!(
        world.told(id).await.pop().unwrap(),
        ["failed", "ended by an operator"]
    );
    assert_eq!(world.actions().await, [["jane", "end", "it hangs"]]);
}

async fn what_is_known_to_be_done_succeeds_with_its_result(world: World) {
    let id = world.submit().await;
    end(&world, id, JobState::Succeeded, Some(object(7.0)))
        .await
        .unwrap();
    let ask = GetJobRequest {
        job_id: id.to_string(),
        include_payload: false,
    };
    let reply = world.admin.get_job(by_jane(ask)).await.unwrap().into_inner();
    let job = reply.job.unwrap().job.unwrap();
    assert_eq!(job.state(), JobState::Succeeded);
    assert_eq!(job.result, Some(object(7.0)));
    let told = world.told(id).await.pop().unwrap();
    assert_eq!(told, ["succeeded", "succeeded, as an operator says"]);
    let written = world.history(id).await.pop().unwrap().message;
    assert_eq!(written, "succeeded, as an operator says: it hangs");
}

async fn an_end_settles_the_task_that_is_being_sent(world: World) {
    let (waiting, claimed) = (world.submit().await, world.submit().await);
    end(&world, waiting, JobState::Failed, None).await.unwrap();
    let claims = world.claim(5).await;
    assert_eq!(claims.iter().map(|one| one.job).collect::<Vec<_>>(), [claimed]);
    end(&world, claimed, JobState::Failed, None).await.unwrap();
    world.store.system().release(&claims, at(6)).await.unwrap();
    assert!(world.claim(1_000_000).await.is_empty());
}

async fn a_failure_lets_go_of_what_the_job_held_and_a_success_does_not(world: World) {
    for (state, is_free) in [(JobState::Succeeded, false), (JobState::Failed, true)] {
        let value = format!("{state:?}");
        let Ok(Submitted::New(holder)) = world.submit_unique(&value).await else {
            panic!("the value was held");
        };
        end(&world, holder.id, state, None).await.unwrap();
        match world.submit_unique(&value).await {
            Ok(_) => assert!(is_free, "{state:?}"),
            Err(SubmitError::Unique { .. }) => assert!(!is_free, "{state:?}"),
            Err(error) => panic!("{error}"),
        }
    }
}

async fn an_outcome_and_a_deadline_that_come_later_change_nothing(world: World) {
    let id = world.submit().await;
    world.send(5).await;
    end(&world, id, JobState::Failed, None).await.unwrap();
    let ended = world.get(id).await.job;
    world.succeed(id, 6).await;
    let overdue = Overdue {
        deadline: at(i64::MAX),
        created: None,
    };
    let expired = world.store.system().expire(overdue, 10, at(i64::MAX)).await;
    assert_eq!(expired.unwrap(), 0);
    assert_eq!(world.get(id).await.job, ended);
    assert_eq!(world.history(id).await.pop().unwrap().kind, "late_outcome");
}

async fn what_has_ended_is_not_ended_again(world: World) {
    let id = world.submit().await;
    world.succeed(id, 5).await;
    let before = world.get(id).await.job;
    let refused = end(&world, id, JobState::Failed, None).await.unwrap_err();
    assert_eq!(reason(&refused), "JOB_TERMINAL");
    assert_eq!(world.get(id).await.job, before);
    assert!(world.actions().await.is_empty());
}

async fn all_that_is_wrong_with_an_end_is_told_at_once(world: World) {
    let id = world.submit().await.to_string();
    let large = object_of(Kind::StringValue("x".repeat(256 * 1024)));
    for (state, result, faults) in [
        (
            JobState::Queued,
            None,
            vec![("/reason", "REQUIRED"), ("/state", "INVALID_VALUE")],
        ),
        (
            JobState::Failed,
            Some(object(1.0)),
            vec![("/reason", "REQUIRED"), ("/result", "INVALID_VALUE")],
        ),
        (
            JobState::Succeeded,
            Some(large),
            vec![("/reason", "REQUIRED"), ("/result", "TOO_LONG")],
        ),
        (
            JobState::Succeeded,
            Some(object(1e16)),
            vec![("/reason", "REQUIRED"), ("/result/n", "UNSAFE_INTEGER")],
        ),
    ] {
        let request = EndJobRequest {
            job_id: id.clone(),
            state: state.into(),
            reason: String::new(),
            result,
        };
        let refused = world.admin.end_job(by_jane(request)).await.unwrap_err();
        let faults: Vec<_> = faults
            .into_iter()
            .map(|(field, fault)| (field.to_owned(), fault.to_owned()))
            .collect();
        assert_eq!(violations(&refused), faults);
    }
}

async fn end(world: &World, id: JobId, state: JobState, result: Option<Struct>) -> Result<(), Status> {
    let request = EndJobRequest {
        job_id: id.to_string(),
        state: state.into(),
        reason: "it hangs".to_owned(),
        result,
    };
    world.admin.end_job(by_jane(request)).await.map(drop)
}

fn object(number: f64) -> Struct {
    object_of(Kind::NumberValue(number))
}

fn object_of(kind: Kind) -> Struct {
    Struct {
        fields: [("n".to_owned(), Value { kind: Some(kind) })].into(),
    }
}
