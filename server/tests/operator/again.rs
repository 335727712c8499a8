//! Doing again: a job as a new one, a task as it was.

use postern_proto::postern::admin::v1 as pb;
use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_server::job::{DeadLetterPolicy, Event, Failure, JobId, PartnerId, State};
use tonic::Status;

use crate::world::{World, by_jane, jane, on_both, reason, violations};

on_both! {
    a_retry_is_a_new_job_of_the_partner_and_both_histories_name_the_operator,
    a_job_is_retried_once_and_each_wish_is_written_down,
    what_the_catalog_refuses_today_is_not_retried,
    what_has_not_failed_is_not_retried,
    a_held_task_is_sent_again_and_its_history_names_the_operator,
    what_is_not_held_is_not_sent_again,
    neither_is_done_without_a_reason,
}

async fn a_retry_is_a_new_job_of_the_partner_and_both_histories_name_the_operator(world: World) {
    let old = failed(&world, "a.b").await;
    let new = retry(&world, old).await.unwrap();
    let own = new.job.unwrap();
    assert_eq!(
        (new.partner_id.as_str(), own.retried_from.as_str()),
        ("acme", old.to_string().as_str())
    );
    let id: JobId = own.job_id.parse().unwrap();
    let acme = PartnerId::new("acme");
    let job = world.store.partner().get(&acme, id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Queued);

    let before = world.get(old).await.job;
    assert_eq!((before.retried_by, before.revision), (Some(id), 3));
    let by_jane = |kind: &str| Some((kind.to_owned(), Some(jane())));
    assert_eq!(world.deeds(old).await.pop(), by_jane("retried"));
    assert_eq!(world.deeds(id).await.pop(), by_jane("submitted"));
    let written = world.history(old).await.pop().unwrap().message;
    assert_eq!(written, format!("asked for again as {id}: they asked"));
    let told = world.told(old).await.pop().unwrap();
    assert_eq!(told, ["retried", "asked for again by an operator"]);
    assert_eq!(world.actions().await, [["jane", "retry", "they asked"]]);
}

async fn a_job_is_retried_once_and_each_wish_is_written_down(world: World) {
    let old = failed(&world, "a.b").await;
    let first = retry(&world, old).await.unwrap();
    let second = retry(&world, old).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(world.get(old).await.job.revision, 3);
    let deeds = world.deeds(old).await;
    assert_eq!(deeds[2..], vec![("retried".to_owned(), Some(jane())); 2]);
    assert_eq!(world.actions().await.len(), 2);
}

async fn what_the_catalog_refuses_today_is_not_retried(world: World) {
    let old = failed(&world, "of.before").await;
    let refused = retry(&world, old).await.unwrap_err();
    assert_eq!(reason(&refused), "JOB_TYPE_UNKNOWN");
    assert_eq!(world.get(old).await.job.revision, 2);
    assert!(world.actions().await.is_empty());
}

async fn what_has_not_failed_is_not_retried(world: World) {
    let (open, done) = (world.submit().await, world.submit().await);
    world.succeed(done, 5).await;
    for (id, why) in [(open, "JOB_NOT_TERMINAL"), (done, "JOB_SUCCEEDED")] {
        let refused = retry(&world, id).await.unwrap_err();
        assert_eq!(reason(&refused), why);
    }
    assert!(world.actions().await.is_empty());
}

async fn a_held_task_is_sent_again_and_its_history_names_the_operator(world: World) {
    let id = world.submit().await;
    world.send(5).await;
    world.tell(id, Event::Started, 6).await;
    world.bury(id, DeadLetterPolicy::Hold, 7).await;
    let job = redrive(&world, id).await.unwrap();
    assert!(job.dispatch_due.is_some());
    assert_eq!(job.dead_letter(), pb::DeadLetter::Unspecified);
    let job = world.get(id).await.job;
    assert_eq!((job.state, job.dispatch, job.revision), (State::Queued, 1, 3));
    let claimed: Vec<_> = world.claim(8).await.iter().map(|one| one.job).collect();
    assert_eq!(claimed, [id]);
    let last = world.deeds(id).await.pop();
    assert_eq!(last, Some(("redriven".to_owned(), Some(jane()))));
    let written = world.history(id).await.pop().unwrap().message;
    assert_eq!(written, "the task is handed out again: they asked");
    let told = world.told(id).await.pop().unwrap();
    assert_eq!(
        told,
        ["redriven", "the task is handed out again, as an operator wished"]
    );
    assert_eq!(world.actions().await, [["jane", "redrive", "they asked"]]);
}

async fn what_is_not_held_is_not_sent_again(world: World) {
    let (sent, failing) = (world.submit().await, world.submit().await);
    world.send(5).await;
    world
        .bury(failing, DeadLetterPolicy::Fail { grace_millis: 10 }, 6)
        .await;
    for id in [sent, failing] {
        let before = world.get(id).await.job;
        let refused = redrive(&world, id).await.unwrap_err();
        assert_eq!(reason(&refused), "JOB_NOT_HELD");
        assert_eq!(world.get(id).await.job, before);
    }
    assert!(world.actions().await.is_empty());
}

async fn neither_is_done_without_a_reason(world: World) {
    let job_id = failed(&world, "a.b").await.to_string();
    let retry = pb::RetryJobRequest {
        job_id: job_id.clone(),
        reason: String::new(),
    };
    let redrive = pb::RedriveJobRequest {
        job_id,
        reason: String::new(),
    };
    let missing = [("/reason".to_owned(), "REQUIRED".to_owned())];
    let refused = world.admin.retry_job(by_jane(retry)).await.unwrap_err();
    assert_eq!(violations(&refused), missing);
    let refused = world.admin.redrive_job(by_jane(redrive)).await.unwrap_err();
    assert_eq!(violations(&refused), missing);
}

async fn failed(world: &World, job_type: &str) -> JobId {
    let id = world.submit_as("acme", job_type).await;
    let event = Event::Failed {
        failure: Failure::dead_lettered(),
        retryable: false,
        retry_delay_millis: None,
    };
    world.tell(id, event, 5).await;
    id
}

async fn retry(world: &World, id: JobId) -> Result<pb::Job, Status> {
    let request = pb::RetryJobRequest {
        job_id: id.to_string(),
        reason: "they asked".to_owned(),
    };
    let reply = world.admin.retry_job(by_jane(request)).await?;
    Ok(reply.into_inner().job.unwrap())
}

async fn redrive(world: &World, id: JobId) -> Result<pb::Job, Status> {
    let request = pb::RedriveJobRequest {
        job_id: id.to_string(),
        reason: "they asked".to_owned(),
    };
    let reply = world.admin.redrive_job(by_jane(request)).await?;
    Ok(reply.into_inner().job.unwrap())
}
