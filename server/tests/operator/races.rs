//! Operators, partners and consumers at once.

use postern_proto::postern::admin::v1 as pb;
use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_proto::postern::v1::job_service_server::JobService as _;
use postern_proto::postern::v1::{JobState, RetryJobRequest};
use postern_server::job::{DeadLetterPolicy, Event, Failure, State};

use crate::world::{World, by_jane, called_by, on_both, reason};

on_both! {
    an_end_and_an_outcome_at_once_leave_one_end,
    a_partner_and_an_operator_who_retry_at_once_make_one_job,
    of_two_operators_who_send_a_task_again_at_once_one_does,
}

const ROUNDS: usize = 10;
const WHY: &str = "at once";

async fn an_end_and_an_outcome_at_once_leave_one_end(world: World) {
    let mut done = 0;
    for round in 0..ROUNDS {
        let id = world.submit().await;
        world.send(100).await;
        let request = pb::EndJobRequest {
            job_id: id.to_string(),
            state: JobState::Failed.into(),
            reason: WHY.to_owned(),
            result: None,
        };
        let end = world.admin.end_job(by_jane(request));
        let outcome = world.succeed(id, 101);
        let ended = if round % 2 == 0 {
            tokio::join!(end, outcome).0
        } else {
            tokio::join!(outcome, end).1
        };
        let job = world.get(id).await.job;
        let kinds: Vec<_> = world
            .history(id)
            .await
            .into_iter()
            .map(|entry| entry.kind)
            .collect();
        let (state, told) = match ended {
            Ok(_) => {
                done += 1;
                (State::Failed, ["failed", "late_outcome"].as_slice())
            }
            Err(refused) => {
                assert_eq!(reason(&refused), "JOB_TERMINAL");
                (State::Succeeded, ["succeeded"].as_slice())
            }
        };
        assert_eq!((job.state, job.revision), (state, 2));
        assert_eq!(kinds[2..], *told);
    }
    assert_eq!(world.actions().await.len(), done);
}

async fn a_partner_and_an_operator_who_retry_at_once_make_one_job(world: World) {
    for _ in 0..ROUNDS {
        let id = world.submit().await;
        let failed = Event::Failed {
            failure: Failure::dead_lettered(),
            retryable: false,
            retry_delay_millis: None,
        };
        world.tell(id, failed, 100).await;
        let own = RetryJobRequest {
            job_id: id.to_string(),
        };
        let theirs = pb::RetryJobRequest {
            job_id: id.to_string(),
            reason: WHY.to_owned(),
        };
        let (own, theirs) = tokio::join!(
            world.api.retry_job(called_by("acme", own)),
            world.admin.retry_job(by_jane(theirs)),
        );
        let own = own.unwrap().into_inner().job.unwrap().job_id;
        let theirs = theirs.unwrap().into_inner().job.unwrap().job.unwrap().job_id;
        assert_eq!(own, theirs);
        let job = world.get(id).await.job;
        assert_eq!((job.revision, job.retried_by.unwrap().to_string()), (3, own));
    }
    assert_eq!(world.actions().await.len(), ROUNDS);
}

async fn of_two_operators_who_send_a_task_again_at_once_one_does(world: World) {
    for round in 1..=ROUNDS {
        let id = world.submit().await;
        world.send(100).await;
        world.bury(id, DeadLetterPolicy::Hold, 101).await;
        let redrive = || {
            let request = pb::RedriveJobRequest {
                job_id: id.to_string(),
                reason: WHY.to_owned(),
            };
            world.admin.redrive_job(by_jane(request))
        };
        let results = <[_; 2]>::from(tokio::join!(redrive(), redrive()));
        let refused: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.iter().map(reason).collect::<Vec<_>>(), ["JOB_NOT_HELD"]);
        assert_eq!(world.actions().await.len(), round);
        assert_eq!(world.claim(102).await.len(), 1);
    }
}
