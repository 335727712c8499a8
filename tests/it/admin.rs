//! Operators over the whole stack: what they see and do, by REST and gRPC through the edge, and what partners read of it.

use postern_proto::postern::admin::v1::admin_service_client::AdminServiceClient;
use postern_proto::postern::admin::v1::{
    ActOnJobsRequest, CancelJobRequest, GetJobRequest, JobAction, JobFilter, ListJobsRequest,
};
use postern_proto::postern::v1::JobState;
use serde_json::{Value, json};
use tonic::Code;

use crate::world::{Rest, World, reason, request};

#[tokio::test]
async fn an_operator_sees_a_job_of_any_partner_with_its_internals() {
    let world = World::start().await;
    let (acme, globex, operator) = (world.rest("acme"), world.rest("globex"), world.rest("operator"));
    let consumer = world.consumer().await;
    let job = acme.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    globex.submit(&request("r-1")).await;
    consumer.send(&task.outcome("STARTED")).await;
    acme.until(id, "JOB_STATE_RUNNING").await;
    until_sent(&operator, id).await;

    let shown = operator
        .get(&format!("/admin/v1/jobs/{id}?includePayload=true"))
        .await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_eq!(shown.body["partnerId"], "acme");
    assert_eq!(shown.body["job"]["state"], "JOB_STATE_RUNNING");
    assert_eq!(shown.body["payload"]["reference"], "r-1");
    assert_eq!(shown.body["sendings"][0]["dispatch"], 1);
    assert_ne!(shown.body["sendings"][0]["sqsMessageId"], "");

    let all = operator.get("/admin/v1/jobs").await;
    assert_eq!(all.body["jobs"].as_array().unwrap().len(), 2, "{}", all.body);
    let path =
        "/admin/v1/jobs?filter.partnerId=acme&filter.states=JOB_STATE_RUNNING&filter.jobType=contacts.import";
    let listed = operator.get(path).await;
    assert_eq!(listed.body["jobs"][0]["job"]["jobId"], id, "{}", listed.body);
    assert_eq!(listed.body["jobs"].as_array().unwrap().len(), 1);

    let events = operator.get(&format!("/admin/v1/jobs/{id}/events")).await;
    let sent = events.body["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["event"]["type"] == "sent")
        .unwrap();
    assert_eq!(sent["sqsMessageId"], shown.body["sendings"][0]["sqsMessageId"]);
    consumer.send(&task.outcome("SUCCEEDED")).await;
    acme.until(id, "JOB_STATE_SUCCEEDED").await;
    world.stop().await;
}

#[tokio::test]
async fn partners_and_workers_are_no_operators() {
    let world = World::start().await;
    let job = world.rest("acme").submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    for client in ["acme", "globex", "worker"] {
        let rest = world.rest(client);
        for answer in [
            rest.get("/admin/v1/jobs").await,
            rest.get(&format!("/admin/v1/jobs/{id}")).await,
            rest.get(&format!("/admin/v1/jobs/{id}/events")).await,
            act(&rest, id, "cancel", &json!({})).await,
            act(&rest, id, "retry", &json!({})).await,
            act(&rest, id, "redrive", &json!({})).await,
            act(&rest, id, "end", &json!({"state": "JOB_STATE_FAILED"})).await,
            rest.post("/admin/v1/jobs:act", &json!({})).await,
        ] {
            assert_eq!(
                (answer.status, answer.reason()),
                (403, "SCOPE_MISSING"),
                "{client}"
            );
        }
    }
    let operator = world.rest("operator");
    assert_eq!(operator.get("/v1/jobs").await.reason(), "SCOPE_MISSING");
    world.stop().await;
}

#[tokio::test]
async fn what_an_operator_does_is_done_for_the_partner_and_told_without_a_name() {
    let world = World::start().await;
    let (acme, operator) = (world.rest("acme"), world.rest("operator"));
    let consumer = world.consumer().await;
    let job = acme.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    until_sent(&operator, id).await;

    let asked = act(&operator, id, "cancel", &json!({})).await;
    assert_eq!(
        (asked.status, &asked.body["job"]["cancelRequested"]),
        (200, &json!(true))
    );
    let ended = act(&operator, id, "end", &json!({"state": "JOB_STATE_FAILED"})).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    let told = acme.until(id, "JOB_STATE_FAILED").await;
    assert_eq!(told["error"]["details"][0]["reason"], "ENDED_BY_OPERATOR");
    assert_eq!(told["error"]["message"], "incident 7");
    let retried = act(&operator, id, "retry", &json!({})).await;
    let successor = retried.body["job"]["jobId"].as_str().unwrap();
    let own = acme.get(&format!("/v1/jobs/{successor}")).await;
    assert_eq!(own.body["retriedFrom"], id);

    consumer.send(&task.outcome("SUCCEEDED")).await;
    consumer.settled().await;
    let seen = operator.get(&format!("/admin/v1/jobs/{id}")).await;
    assert_eq!(
        (&seen.body["job"]["state"], &seen.body["anomalies"]),
        (&json!("JOB_STATE_FAILED"), &json!(1))
    );
    let late = operator
        .get("/admin/v1/jobs?filter.condition=JOB_CONDITION_ANOMALOUS")
        .await;
    assert_eq!(late.body["jobs"][0]["job"]["jobId"], id, "{}", late.body);

    let events = operator.get(&format!("/admin/v1/jobs/{id}/events")).await;
    let deeds: Vec<_> = events.body["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["operator"] != "")
        .map(|event| {
            (
                event["event"]["type"].as_str().unwrap(),
                event["operator"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = ["cancel_requested", "failed", "retried"].map(|kind| (kind, "operator"));
    assert_eq!(deeds, expected);
    let told = acme.get(&format!("/v1/jobs/{id}/events")).await;
    for event in told.body["events"].as_array().unwrap() {
        let message = event["message"].as_str().unwrap();
        assert!(!message.contains("incident"), "{event}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_generated_client_acts_on_all_that_a_filter_matches() {
    let world = World::start().await;
    let acme = world.rest("acme");
    for reference in ["r-1", "r-2", "r-3"] {
        acme.submit(&request(reference)).await;
    }
    let grpc = world.grpc("operator").await;
    let mut admin = AdminServiceClient::new(grpc.channel.clone());
    let mut asked = ActOnJobsRequest {
        filter: Some(JobFilter {
            partner_id: "acme".to_owned(),
            ..JobFilter::default()
        }),
        action: JobAction::Fail.into(),
        reason: "they left".to_owned(),
        page_size: 2,
        dry_run: true,
        ..ActOnJobsRequest::default()
    };
    let tried = admin
        .act_on_jobs(grpc.ask(asked.clone()))
        .await
        .unwrap()
        .into_inner();
    assert!(tried.jobs.iter().all(|one| one.error.is_none()));
    asked.dry_run = false;
    let mut acted = 0;
    loop {
        let page = admin
            .act_on_jobs(grpc.ask(asked.clone()))
            .await
            .unwrap()
            .into_inner();
        acted += page.jobs.len();
        asked.page_token = page.next_page_token;
        if asked.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(acted, 3);
    let listed = admin
        .list_jobs(grpc.ask(ListJobsRequest::default()))
        .await
        .unwrap();
    for job in listed.into_inner().jobs {
        assert_eq!(job.job.unwrap().state(), JobState::Failed);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_generated_client_is_told_what_is_not_there_and_what_is_not_for_it() {
    let world = World::start().await;
    let grpc = world.grpc("operator").await;
    let mut admin = AdminServiceClient::new(grpc.channel.clone());
    let missing = GetJobRequest {
        job_id: "job_01h2xcejqtf2nbrexx3vqjhp41".to_owned(),
        include_payload: false,
    };
    let refused = admin.get_job(grpc.ask(missing)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    let own = world.grpc("acme").await;
    let refused = admin
        .cancel_job(own.ask(CancelJobRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::PermissionDenied, "SCOPE_MISSING")
    );
    world.stop().await;
}

/// One call for a job, because of an incident.
async fn act(rest: &Rest, id: &str, verb: &str, body: &Value) -> crate::world::Answer {
    let mut body = body.clone();
    body["reason"] = json!("incident 7");
    rest.post(&format!("/admin/v1/jobs/{id}:{verb}"), &body).await
}

/// A mark of a sending may come after what its consumer told.
async fn until_sent(operator: &Rest, id: &str) {
    let deadline = tokio::time::Instant::now() + crate::world::SOON;
    loop {
        let shown = operator.get(&format!("/admin/v1/jobs/{id}")).await;
        if shown.body["sendings"]
            .as_array()
            .is_some_and(|sendings| !sendings.is_empty())
        {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{}", shown.body);
    }
}
