//! Dispatch paused and resumed, by job type and by partner.

use postern_proto::postern::admin::v1 as pb;
use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_proto::postern::admin::v1::pause::Subject;
use postern_proto::postern::admin::v1::{pause_dispatch_request, resume_dispatch_request};
use postern_server::job::JobId;
use tonic::Status;

use crate::world::{World, by_jane, on_both, reason, violations};

on_both! {
    what_is_paused_is_listed_and_shown_with_its_jobs_until_it_is_resumed,
    a_job_type_that_nobody_knows_is_not_paused_but_resumed,
    all_faults_of_a_request_are_told_at_once,
}

async fn what_is_paused_is_listed_and_shown_with_its_jobs_until_it_is_resumed(world: World) {
    let (ours, theirs) = (world.submit().await, world.submit_as("globex", "c.d").await);
    for subject in [job_type("a.b"), partner("globex")] {
        let mut pause = pause(&world, Some(subject.clone()), "incident 7").await.unwrap();
        assert!(pause.time.take().is_some());
        let expected = pb::Pause {
            subject: Some(subject),
            reason: "incident 7".to_owned(),
            operator: "jane".to_owned(),
            time: None,
        };
        assert_eq!(pause, expected);
    }
    assert_eq!(paused(&world).await, [job_type("a.b"), partner("globex")]);
    let status = world.admin.get_status(by_jane(pb::GetStatusRequest {})).await;
    assert_eq!(status.unwrap().into_inner().pauses.len(), 2);
    assert!(is_paused(&world, ours).await && is_paused(&world, theirs).await);
    assert_eq!(world.claim(5).await, []);
    let listed = world
        .admin
        .list_jobs(by_jane(pb::ListJobsRequest::default()))
        .await;
    assert!(listed.unwrap().into_inner().jobs.iter().all(|job| job.paused));
    resume(&world, Some(job_type("a.b")), "it is over").await.unwrap();
    assert_eq!(paused(&world).await, [partner("globex")]);
    assert!(!is_paused(&world, ours).await && is_paused(&world, theirs).await);
    let claimed = world.claim(5).await;
    assert_eq!(claimed.iter().map(|task| task.job).collect::<Vec<_>>(), [ours]);
    let actions = world.actions().await;
    let kinds: Vec<_> = actions.iter().map(|[_, kind, _]| kind.as_str()).collect();
    assert_eq!(kinds, ["pause", "pause", "resume"]);
}

async fn a_job_type_that_nobody_knows_is_not_paused_but_resumed(world: World) {
    let refused = pause(&world, Some(job_type("gone")), "r").await.unwrap_err();
    assert_eq!(reason(&refused), "JOB_TYPE_UNKNOWN");
    resume(&world, Some(job_type("gone")), "r").await.unwrap();
    assert!(world.actions().await.is_empty());
}

async fn all_faults_of_a_request_are_told_at_once(world: World) {
    let long = "\0".repeat(129);
    for (subject, faults) in [
        (None, vec![("/jobType", "REQUIRED")]),
        (Some(job_type("")), vec![("/jobType", "REQUIRED")]),
        (
            Some(partner(&long)),
            vec![("/partnerId", "TOO_LONG"), ("/partnerId", "INVALID_VALUE")],
        ),
    ] {
        let with_reason = faults.into_iter().chain([("/reason", "REQUIRED")]);
        let faults: Vec<_> = with_reason
            .map(|(field, fault)| (field.to_owned(), fault.to_owned()))
            .collect();
        let refused = pause(&world, subject.clone(), "").await.unwrap_err();
        assert_eq!(violations(&refused), faults);
        let refused = resume(&world, subject, "").await.unwrap_err();
        assert_eq!(violations(&refused), faults);
    }
    assert_eq!(paused(&world).await, []);
}

fn job_type(name: &str) -> Subject {
    Subject::JobType(name.to_owned())
}

fn partner(name: &str) -> Subject {
    Subject::PartnerId(name.to_owned())
}

async fn pause(world: &World, subject: Option<Subject>, why: &str) -> Result<pb::Pause, Status> {
    use pause_dispatch_request::Subject as Asked;
    let subject = subject.map(|subject| match subject {
        Subject::JobType(name) => Asked::JobType(name),
        Subject::PartnerId(name) => Asked::PartnerId(name),
    });
    let request = pb::PauseDispatchRequest {
        subject,
        reason: why.to_owned(),
    };
    let reply = world.admin.pause_dispatch(by_jane(request)).await?;
    Ok(reply.into_inner().pause.unwrap())
}

async fn resume(world: &World, subject: Option<Subject>, why: &str) -> Result<(), Status> {
    use resume_dispatch_request::Subject as Asked;
    let subject = subject.map(|subject| match subject {
        Subject::JobType(name) => Asked::JobType(name),
        Subject::PartnerId(name) => Asked::PartnerId(name),
    });
    let request = pb::ResumeDispatchRequest {
        subject,
        reason: why.to_owned(),
    };
    world.admin.resume_dispatch(by_jane(request)).await.map(drop)
}

async fn paused(world: &World) -> Vec<Subject> {
    let reply = world.admin.list_pauses(by_jane(pb::ListPausesRequest {})).await;
    let pauses = reply.unwrap().into_inner().pauses.into_iter();
    pauses.map(|pause| pause.subject.unwrap()).collect()
}

async fn is_paused(world: &World, job: JobId) -> bool {
    let request = pb::GetJobRequest {
        job_id: job.to_string(),
        include_payload: false,
    };
    let reply = world.admin.get_job(by_jane(request)).await.unwrap();
    reply.into_inner().job.unwrap().paused
}
