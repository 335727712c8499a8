//! Messages that could not be used, listed, shown, marked and dropped.

use postern_proto::postern::admin::v1 as pb;
use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_server::collect::Reader;
use postern_server::job::JobId;
use postern_server::store::system::{Letter, Origin, Unusable};
use serde_json::json;
use tonic::Status;

use crate::world::{World, at, by_jane, jane, on_both, reason, violations};

on_both! {
    messages_are_listed_in_pages_and_shown_with_their_bodies,
    a_message_is_marked_once_and_the_operator_is_written_down,
    what_was_not_kept_cannot_be_collected_again,
    a_dropped_message_is_gone_and_its_job_tells_of_it,
    a_message_that_is_not_there_is_not_found,
    all_faults_of_a_request_are_told_at_once,
}

async fn messages_are_listed_in_pages_and_shown_with_their_bodies(world: World) {
    for body in ["1", "12", "123"] {
        quarantine(&world, body).await;
    }
    let first = list(&world, 2, "").await.unwrap();
    let sizes: Vec<_> = first.messages.iter().map(|message| message.size_bytes).collect();
    assert_eq!(sizes, [3, 2]);
    assert!(first.messages.iter().all(|message| message.body.is_empty()));
    let second = list(&world, 2, &first.next_page_token).await.unwrap();
    assert_eq!((second.messages.len(), second.next_page_token.as_str()), (1, ""));
    let message = get(&world, &second.messages[0].quarantine_id).await.unwrap();
    assert_eq!(
        message,
        pb::QuarantinedMessage {
            quarantine_id: second.messages[0].quarantine_id.clone(),
            time: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 5_000_000
            }),
            reason: "not a JSON object: another kind of value".to_owned(),
            sqs_message_id: "m".to_owned(),
            job_id: String::new(),
            size_bytes: 1,
            replaying: false,
            body: b"1".to_vec(),
        }
    );
    let foreign = world.admin.list_actions(by_jane(pb::ListActionsRequest {
        page_size: 0,
        page_token: first.next_page_token,
    }));
    assert_eq!(reason(&foreign.await.unwrap_err()), "PAGE_TOKEN_INVALID");
}

async fn a_message_is_marked_once_and_the_operator_is_written_down(world: World) {
    let job = world.submit().await;
    let id = quarantine(&world, &disagreeing(&world, job)).await;
    for _ in 0..2 {
        let marked = replay(&world, &id, "sent by hand").await.unwrap();
        assert!(marked.replaying && marked.body.is_empty());
        assert_eq!(marked.job_id, job.to_string());
    }
    assert!(get(&world, &id).await.unwrap().replaying);
    assert_eq!(world.actions().await, [["jane", "replay", "sent by hand"]]);
    let listed = world
        .admin
        .list_actions(by_jane(pb::ListActionsRequest::default()));
    let mut actions = listed.await.unwrap().into_inner().actions;
    assert!(actions[0].time.take().is_some());
    let expected = pb::Action {
        time: None,
        operator: "jane".to_owned(),
        r#type: "replay".to_owned(),
        job_id: job.to_string(),
        subject: format!("quarantine/{id}"),
        reason: "sent by hand".to_owned(),
    };
    assert_eq!(actions, [expected]);
}

async fn what_was_not_kept_cannot_be_collected_again(world: World) {
    let unusable = Unusable {
        letter: letter(""),
        origin: Origin::DeadLetters,
        reason: "no such job".to_owned(),
        job: Some(JobId::new(1)),
    };
    world.store.system().quarantine(&[unusable], at(5)).await.unwrap();
    let id = list(&world, 1, "").await.unwrap().messages[0]
        .quarantine_id
        .clone();
    let refused = replay(&world, &id, "why not").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert_eq!(reason(&refused), "MESSAGE_NOT_KEPT");
    assert!(world.actions().await.is_empty());
}

async fn a_dropped_message_is_gone_and_its_job_tells_of_it(world: World) {
    let job = world.submit().await;
    let id = quarantine(&world, &disagreeing(&world, job)).await;
    drop_message(&world, &id, "incident 7").await.unwrap();
    assert_eq!(list(&world, 0, "").await.unwrap().messages, []);
    assert_eq!(
        world.deeds(job).await[1],
        ("message_dropped".to_owned(), Some(jane()))
    );
    assert_eq!(
        world.told(job).await[1],
        [
            "message_dropped",
            "an operator dropped a report about it that could not be used"
        ]
    );
    assert_eq!(world.actions().await, [["jane", "drop", "incident 7"]]);
}

async fn a_message_that_is_not_there_is_not_found(world: World) {
    let id = quarantine(&world, "poison").await;
    drop_message(&world, &id, "r").await.unwrap();
    for id in [id.as_str(), "no id", ""] {
        for refused in [
            get(&world, id).await.unwrap_err(),
            replay(&world, id, "r").await.unwrap_err(),
            drop_message(&world, id, "r").await.unwrap_err(),
        ] {
            assert_eq!(reason(&refused), "MESSAGE_NOT_FOUND", "{id}");
        }
    }
}

async fn all_faults_of_a_request_are_told_at_once(world: World) {
    let id = quarantine(&world, "poison").await;
    let nul = "\0".repeat(257);
    for refused in [
        replay(&world, &id, &nul).await.unwrap_err(),
        drop_message(&world, &id, &nul).await.unwrap_err(),
    ] {
        let faults = ["TOO_LONG", "INVALID_VALUE"].map(|fault| ("/reason".to_owned(), fault.to_owned()));
        assert_eq!(violations(&refused), faults);
    }
    let refused = list(&world, -1, "").await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [("/pageSize".to_owned(), "OUT_OF_RANGE".to_owned())]
    );
    assert!(!get(&world, &id).await.unwrap().replaying);
}

/// An outcome of this job that names another dispatch than its token.
fn disagreeing(world: &World, job: JobId) -> String {
    let token = world.api.seal.outcome_token(job, 1);
    json!({"outcomeToken": token, "event": "SUCCEEDED", "dispatch": 7}).to_string()
}

/// Puts a message into the quarantine as collect does; its id.
async fn quarantine(world: &World, body: &str) -> String {
    let reader = Reader {
        catalog: world.api.catalog.clone(),
        seal: world.api.seal.clone(),
    };
    let unusable = reader.read(letter(body)).unwrap_err();
    world.store.system().quarantine(&[unusable], at(5)).await.unwrap();
    list(world, 1, "").await.unwrap().messages[0]
        .quarantine_id
        .clone()
}

fn letter(body: &str) -> Letter {
    Letter {
        message_id: "m".to_owned(),
        body: body.to_owned(),
    }
}

async fn list(
    world: &World,
    page_size: i32,
    page_token: &str,
) -> Result<pb::ListQuarantinedMessagesResponse, Status> {
    let request = pb::ListQuarantinedMessagesRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let reply = world.admin.list_quarantined_messages(by_jane(request)).await?;
    Ok(reply.into_inner())
}

async fn get(world: &World, id: &str) -> Result<pb::QuarantinedMessage, Status> {
    let request = pb::GetQuarantinedMessageRequest {
        quarantine_id: id.to_owned(),
    };
    let reply = world.admin.get_quarantined_message(by_jane(request)).await?;
    Ok(reply.into_inner().message.unwrap())
}

async fn replay(world: &World, id: &str, why: &str) -> Result<pb::QuarantinedMessage, Status> {
    let request = pb::ReplayQuarantinedMessageRequest {
        quarantine_id: id.to_owned(),
        reason: why.to_owned(),
    };
    let reply = world.admin.replay_quarantined_message(by_jane(request)).await?;
    Ok(reply.into_inner().message.unwrap())
}

async fn drop_message(world: &World, id: &str, why: &str) -> Result<(), Status> {
    let request = pb::DropQuarantinedMessageRequest {
        quarantine_id: id.to_owned(),
        reason: why.to_owned(),
    };
    world
        .admin
        .drop_quarantined_message(by_jane(request))
        .await
        .map(drop)
}
