//! One thing for many jobs, and what it would come to.

use postern_proto::google::rpc::{ErrorInfo, Status as RpcStatus};
use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_proto::postern::admin::v1::{
    ActOnJobsRequest, ActOnJobsResponse, JobAction, JobCondition, JobFilter,
};
use postern_proto::postern::v1::JobState;
use postern_server::job::{DeadLetterPolicy, Event, Failure, JobId, State};
use prost::Message as _;
use tonic::Status;

use crate::world::{World, by_jane, jane, on_both, reason, violations};

on_both! {
    every_job_that_matches_is_acted_on_once_page_by_page,
    a_dry_run_tells_what_would_be_done_and_does_nothing,
    a_dry_run_sees_what_holds_the_value_that_a_retry_needs,
    a_page_that_is_done_again_harms_nothing,
    a_token_fits_the_filter_and_action_that_it_came_with,
    all_that_is_wrong_is_told_at_once,
}

const EVERY_ACTION: [JobAction; 4] = [
    JobAction::Cancel,
    JobAction::Retry,
    JobAction::Redrive,
    JobAction::Fail,
];

async fn every_job_that_matches_is_acted_on_once_page_by_page(world: World) {
    let mut held = Vec::new();
    for _ in 0..5 {
        held.insert(0, world.submit().await);
    }
    world.send(5).await;
    for id in &held {
        world.bury(*id, DeadLetterPolicy::Hold, 6).await;
    }
    let other = world.submit().await;
    let (mut acted, mut request) = (Vec::new(), redrive_held());
    request.page_size = 2;
    loop {
        let page = act(&world, request.clone()).await.unwrap();
        assert!(page.jobs.len() <= 2);
        acted.extend(outcomes(&page));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let expected: Vec<_> = held.iter().map(|id| (*id, String::new())).collect();
    assert_eq!(acted, expected);
    for id in held {
        let last = world.deeds(id).await.pop();
        assert_eq!(last, Some(("redriven".to_owned(), Some(jane()))));
    }
    assert_eq!(world.history(other).await.len(), 1);
    assert_eq!(
        world.actions().await,
        vec![["jane", "redrive", "after the fix"]; 5]
    );
}

/// Of jobs in every situation, so that each action is refused to some of them.
async fn a_dry_run_tells_what_would_be_done_and_does_nothing(world: World) {
    for action in EVERY_ACTION {
        let ids = every_situation(&world).await;
        let actions = world.actions().await;
        let mut before = Vec::new();
        for id in &ids {
            before.push((world.get(*id).await.job, world.history(*id).await));
        }
        let mut request = ActOnJobsRequest {
            action: action.into(),
            page_size: 100,
            dry_run: true,
            ..redrive_held()
        };
        request.filter = Some(JobFilter {
            job_type: "a.b".to_owned(),
            ..JobFilter::default()
        });
        let tried = outcomes(&act(&world, request.clone()).await.unwrap());
        for (id, (job, history)) in ids.iter().zip(&before) {
            assert_eq!(world.get(*id).await.job, *job);
            assert_eq!(world.history(*id).await, *history);
        }
        assert_eq!(world.actions().await, actions);

        request.dry_run = false;
        let done = outcomes(&act(&world, request).await.unwrap());
        assert_eq!(done, tried, "{action:?}");
        let refused = done.iter().filter(|(_, reason)| !reason.is_empty()).count();
        assert!((1..done.len()).contains(&refused), "{action:?}: {done:?}");
    }
}

async fn a_dry_run_sees_what_holds_the_value_that_a_retry_needs(world: World) {
    let ids = every_situation(&world).await;
    let filter = JobFilter {
        states: vec![JobState::Failed.into()],
        ..JobFilter::default()
    };
    let mut request = ActOnJobsRequest {
        action: JobAction::Retry.into(),
        filter: Some(filter),
        dry_run: true,
        ..redrive_held()
    };
    let free = act(&world, request.clone()).await.unwrap();
    assert_eq!(outcomes(&free), [(ids[4], String::new())]);
    world.resubmit(ids[4]).await;
    let held = act(&world, request.clone()).await.unwrap();
    assert_eq!(outcomes(&held), [(ids[4], "UNIQUE_CONSTRAINT".to_owned())]);
    request.dry_run = false;
    let refused = act(&world, request).await.unwrap();
    assert_eq!(outcomes(&refused), outcomes(&held));
}

async fn a_page_that_is_done_again_harms_nothing(world: World) {
    let id = world.submit().await;
    world.send(5).await;
    let request = ActOnJobsRequest {
        action: JobAction::Fail.into(),
        filter: Some(JobFilter {
            partner_id: "acme".to_owned(),
            ..JobFilter::default()
        }),
        ..redrive_held()
    };
    let first = act(&world, request.clone()).await.unwrap();
    assert_eq!(outcomes(&first), [(id, String::new())]);
    let ended = world.get(id).await.job;
    assert_eq!(ended.state, State::Failed);
    assert_eq!(ended.failure.as_ref().unwrap().message, "after the fix");
    let again = act(&world, request).await.unwrap();
    assert_eq!(outcomes(&again), [(id, "JOB_TERMINAL".to_owned())]);
    assert_eq!(world.get(id).await.job, ended);
}

async fn a_token_fits_the_filter_and_action_that_it_came_with(world: World) {
    for _ in 0..2 {
        world.submit().await;
    }
    let mut request = ActOnJobsRequest {
        action: JobAction::Cancel.into(),
        page_size: 1,
        dry_run: true,
        filter: Some(JobFilter {
            partner_id: "acme".to_owned(),
            ..JobFilter::default()
        }),
        ..redrive_held()
    };
    request.page_token = act(&world, request.clone()).await.unwrap().next_page_token;
    let another = ActOnJobsRequest {
        action: JobAction::Fail.into(),
        ..request.clone()
    };
    let refused = act(&world, another).await.unwrap_err();
    assert_eq!(reason(&refused), "PAGE_TOKEN_INVALID");
    let wider = ActOnJobsRequest {
        filter: Some(JobFilter {
            job_type: "a.b".to_owned(),
            ..JobFilter::default()
        }),
        ..request.clone()
    };
    let refused = act(&world, wider).await.unwrap_err();
    assert_eq!(reason(&refused), "PAGE_TOKEN_INVALID");
    assert_eq!(act(&world, request).await.unwrap().jobs.len(), 1);
}

async fn all_that_is_wrong_is_told_at_once(world: World) {
    let id = world.submit().await;
    let refused = act(&world, ActOnJobsRequest::default()).await.unwrap_err();
    let faults = ["/filter", "/action", "/reason"].map(|field| (field.to_owned(), "REQUIRED".to_owned()));
    assert_eq!(violations(&refused), faults);
    let request = ActOnJobsRequest {
        filter: Some(JobFilter {
            condition: 99,
            ..JobFilter::default()
        }),
        action: 99,
        page_size: -1,
        ..redrive_held()
    };
    let refused = act(&world, request).await.unwrap_err();
    let faults = [
        ("/filter/condition", "INVALID_VALUE"),
        ("/action", "INVALID_VALUE"),
        ("/pageSize", "OUT_OF_RANGE"),
    ];
    assert_eq!(
        violations(&refused),
        faults.map(|(field, fault)| (field.to_owned(), fault.to_owned()))
    );
    assert_eq!(world.get(id).await.job.revision, 1);
}

/// New jobs: waiting, held, failing, running, succeeded, failed, cancelled.
async fn every_situation(world: &World) -> Vec<JobId> {
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(world.submit().await);
    }
    world.send(100).await;
    world.bury(ids[0], DeadLetterPolicy::Hold, 101).await;
    let grace = DeadLetterPolicy::Fail { grace_millis: 10 };
    world.bury(ids[1], grace, 101).await;
    world.tell(ids[2], Event::Started, 101).await;
    world.succeed(ids[3], 101).await;
    let failed = Event::Failed {
        failure: Failure::dead_lettered(),
        retryable: false,
        retry_delay_millis: None,
    };
    world.tell(ids[4], failed, 101).await;
    world.tell(ids[5], Event::Cancelled, 101).await;
    ids.push(world.submit().await);
    ids
}

fn redrive_held() -> ActOnJobsRequest {
    ActOnJobsRequest {
        filter: Some(JobFilter {
            condition: JobCondition::Held.into(),
            ..JobFilter::default()
        }),
        action: JobAction::Redrive.into(),
        reason: "after the fix".to_owned(),
        ..ActOnJobsRequest::default()
    }
}

async fn act(world: &World, request: ActOnJobsRequest) -> Result<ActOnJobsResponse, Status> {
    let reply = world.admin.act_on_jobs(by_jane(request)).await?;
    Ok(reply.into_inner())
}

/// Each job, and why it was not acted on.
fn outcomes(page: &ActOnJobsResponse) -> Vec<(JobId, String)> {
    let why = |error: &RpcStatus| {
        let info = ErrorInfo::decode(error.details[0].value.as_slice()).unwrap();
        info.reason
    };
    page.jobs
        .iter()
        .map(|acted| {
            let job = acted.job.as_ref().unwrap().job.as_ref().unwrap();
            let error = acted.error.as_ref().map(why).unwrap_or_default();
            (job.job_id.parse().unwrap(), error)
        })
        .collect()
}
