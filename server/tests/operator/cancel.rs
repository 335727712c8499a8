//! Cancelling for a partner.

use postern_proto::postern::admin::v1::CancelJobRequest;
use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_server::job::{JobId, State};
use tonic::Status;

use crate::world::{World, by_jane, jane, on_both, reason, violations};

on_both! {
    a_job_is_cancelled_as_by_its_partner_and_the_operator_is_written_down,
    a_wish_that_comes_again_is_written_down_and_changes_nothing,
    what_has_ended_otherwise_is_refused_and_nothing_is_written_down,
    nobody_acts_without_a_reason,
    a_partner_reads_of_an_operator_but_neither_which_one_nor_why,
}

async fn a_job_is_cancelled_as_by_its_partner_and_the_operator_is_written_down(world: World) {
    let id = world.submit().await;
    cancel(&world, id, "asked by phone").await.unwrap();
    let job = world.get(id).await.job;
    assert_eq!((job.state, job.revision), (State::Cancelled, 2));
    let told = [("submitted", None), ("cancelled", Some(jane()))];
    assert_eq!(
        world.deeds(id).await,
        told.map(|(kind, who)| (kind.to_owned(), who))
    );
    assert_eq!(
        world.history(id).await[1].message,
        "cancelled before it was handed out: asked by phone"
    );
    assert_eq!(world.actions().await, [["jane", "cancel", "asked by phone"]]);
}

async fn a_wish_that_comes_again_is_written_down_and_changes_nothing(world: World) {
    let id = world.submit().await;
    world.send(5).await;
    for why in ["first", "second"] {
        cancel(&world, id, why).await.unwrap();
        let job = world.get(id).await.job;
        assert_eq!((job.state, job.revision), (State::Queued, 2));
        assert!(job.cancel_requested);
    }
    let deeds = world.deeds(id).await;
    assert_eq!(deeds[2..], vec![("cancel_requested".to_owned(), Some(jane())); 2]);
    let actions = [["jane", "cancel", "first"], ["jane", "cancel", "second"]];
    assert_eq!(world.actions().await, actions);
}

async fn what_has_ended_otherwise_is_refused_and_nothing_is_written_down(world: World) {
    let id = world.submit().await;
    world.succeed(id, 5).await;
    let refused = cancel(&world, id, "why not").await.unwrap_err();
    assert_eq!(reason(&refused), "JOB_TERMINAL");
    assert_eq!(world.history(id).await.len(), 2);
    assert!(world.actions().await.is_empty());
}

async fn nobody_acts_without_a_reason(world: World) {
    let id = world.submit().await;
    let (nul, long) = ("\0".repeat(257), "x".repeat(257));
    for (why, faults) in [
        ("", vec!["REQUIRED"]),
        (" ", vec!["REQUIRED"]),
        (&long, vec!["TOO_LONG"]),
        (&nul, vec!["TOO_LONG", "INVALID_VALUE"]),
    ] {
        let refused = cancel(&world, id, why).await.unwrap_err();
        let faults: Vec<_> = faults
            .into_iter()
            .map(|fault| ("/reason".to_owned(), fault.to_owned()))
            .collect();
        assert_eq!(violations(&refused), faults);
    }
    assert_eq!(world.get(id).await.job.revision, 1);
}

async fn a_partner_reads_of_an_operator_but_neither_which_one_nor_why(world: World) {
    let unsent = world.submit().await;
    cancel(&world, unsent, "incident 7").await.unwrap();
    let told = &world.told(unsent).await[1];
    assert_eq!(
        *told,
        ["cancelled", "cancelled by an operator before it was handed out"]
    );

    let sent = world.submit().await;
    world.send(5).await;
    cancel(&world, sent, "incident 7").await.unwrap();
    let told = &world.told(sent).await[2];
    assert_eq!(
        *told,
        ["cancel_requested", "an operator asked for a cancellation"]
    );
}

async fn cancel(world: &World, id: JobId, why: &str) -> Result<(), Status> {
    let request = CancelJobRequest {
        job_id: id.to_string(),
        reason: why.to_owned(),
    };
    world.admin.cancel_job(by_jane(request)).await.map(drop)
}
