//! A job with its internals, and its history as it was written.

use postern_proto::postern::admin::v1 as pb;
use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_server::job::{DeadLetterPolicy, Event, Execution};

use crate::world::{World, at, by_jane, on_both, reason};

on_both! {
    a_job_is_shown_with_all_that_its_partner_does_not_see,
    a_task_that_waits_is_shown_with_its_time,
    a_history_is_shown_as_it_was_written,
    a_job_that_is_not_there_is_not_found,
}

async fn a_job_is_shown_with_all_that_its_partner_does_not_see(world: World) {
    let id = world.submit().await;
    world.send(5).await;
    let started = Execution {
        dispatch: 1,
        attempt: Some(3),
    };
    world.store.work().begin(id, started, at(6)).await.unwrap();
    world.succeed(id, 7).await;
    world.tell(id, Event::Cancelled, 8).await;
    world.bury(id, DeadLetterPolicy::Hold, 9).await;

    let job = get(&world, &id.to_string(), true).await.unwrap();
    assert_eq!(job.partner_id, "acme");
    assert_eq!((job.attempt, job.anomalies, job.paused), (3, 2, false));
    assert_eq!(job.dead_letter(), pb::DeadLetter::Unspecified);
    assert!(job.dispatch_due.is_none());
    assert!(job.traceparent.starts_with("00-"));
    assert_eq!(job.payload.unwrap().fields.len(), 1);
    let sending = pb::Sending {
        dispatch: 1,
        time: Some(prost_types::Timestamp {
            seconds: 0,
            nanos: 5_000_000,
        }),
        sqs_message_id: format!("m-{id}"),
    };
    assert_eq!(job.sendings, [sending]);
    let own = job.job.unwrap();
    assert_eq!(
        (own.job_id, own.result.unwrap().fields.len()),
        (id.to_string(), 1)
    );

    let without = get(&world, &id.to_string(), false).await.unwrap();
    assert!(without.payload.is_none());
}

async fn a_task_that_waits_is_shown_with_its_time(world: World) {
    let id = world.submit().await;
    let due = |job: &pb::Job| job.dispatch_due.as_ref().map(|time| (time.seconds, time.nanos));
    let job = get(&world, &id.to_string(), false).await.unwrap();
    assert_eq!(due(&job), Some((0, 1_000_000)));
    world.claim(5).await;
    let job = get(&world, &id.to_string(), false).await.unwrap();
    assert_eq!(due(&job), Some((90, 5_000_000)));
}

async fn a_history_is_shown_as_it_was_written(world: World) {
    let id = world.submit().await;
    world.send(5).await;
    let (mut events, mut request) = (
        Vec::new(),
        pb::ListJobEventsRequest {
            job_id: id.to_string(),
            page_size: 1,
            page_token: String::new(),
        },
    );
    loop {
        let page = world
            .admin
            .list_job_events(by_jane(request.clone()))
            .await
            .unwrap();
        let page = page.into_inner();
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let sent = &events[1];
    assert_eq!(events.len(), 2);
    assert_eq!(sent.sqs_message_id, format!("m-{id}"));
    assert_eq!(sent.message, format!("handed to the queue as message m-{id}"));
    assert_eq!(sent.event.as_ref().unwrap().message, "handed out to be executed");
    assert!(sent.operator.is_empty());
}

async fn a_job_that_is_not_there_is_not_found(world: World) {
    let id = world.submit().await.to_string();
    let another = id.replace(&id[4..10], "01h2xc");
    for id in [another.as_str(), "no id", ""] {
        let refused = get(&world, id, false).await.unwrap_err();
        assert_eq!(reason(&refused), "JOB_NOT_FOUND", "{id}");
        let request = pb::ListJobEventsRequest {
            job_id: id.to_owned(),
            ..Default::default()
        };
        let refused = world.admin.list_job_events(by_jane(request)).await.unwrap_err();
        assert_eq!(reason(&refused), "JOB_NOT_FOUND", "{id}");
    }
}

async fn get(world: &World, id: &str, include_payload: bool) -> Result<pb::Job, tonic::Status> {
    let request = pb::GetJobRequest {
        job_id: id.to_owned(),
        include_payload,
    };
    let reply = world.admin.get_job(by_jane(request)).await?;
    Ok(reply.into_inner().job.unwrap())
}
