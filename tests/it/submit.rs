//! Submitting: what is answered, idempotency, unique constraints, `validate_only`; over REST and over gRPC alike.

use futures::future::join_all;
use postern::config::Partner;
use postern_proto::postern::v1::{JobState, SubmitJobRequest};
use prost_types::value::Kind;
use prost_types::{Struct, Value as ProtoValue};
use serde_json::json;
use tonic::Code;

use crate::world::{Answer, World, payload, reason, request};

/// The least payload as a gRPC client builds it.
pub(crate) fn grpc_request(reference: &str) -> SubmitJobRequest {
    let text = |text: &str| ProtoValue {
        kind: Some(Kind::StringValue(text.to_owned())),
    };
    let contact = Struct {
        fields: [
            ("email".to_owned(), text("x@example.com")),
            ("name".to_owned(), text("X")),
        ]
        .into(),
    };
    let contacts = prost_types::ListValue {
        values: vec![ProtoValue {
            kind: Some(Kind::StructValue(contact)),
        }],
    };
    let payload = Struct {
        fields: [
            ("account".to_owned(), text("a1")),
            ("reference".to_owned(), text(reference)),
            (
                "contacts".to_owned(),
                ProtoValue {
                    kind: Some(Kind::ListValue(contacts)),
                },
            ),
        ]
        .into(),
    };
    SubmitJobRequest {
        job_type: "contacts.import".to_owned(),
        payload: Some(payload),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_job_is_accepted_with_its_location_and_validator() {
    let world = World::start().await;
    let answer = world.rest("acme").post("/v1/jobs", &request("r-1")).await;
    assert_eq!(answer.status, 202);
    let id = answer.body["jobId"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/v1/jobs/{id}"));
    assert_eq!(answer.header("etag"), "\"1\"");
    world.stop().await;
}

#[tokio::test]
async fn grpc_callers_get_the_same_job_and_metadata() {
    let world = World::start().await;
    let mut grpc = world.grpc("acme").await;
    let request = grpc.ask(grpc_request("r-1"));
    let reply = grpc.jobs.submit_job(request).await.unwrap();
    assert_eq!(reply.metadata().get("http-status").unwrap(), "202");
    let job = reply.into_inner().job.unwrap();
    assert_eq!(
        (job.state(), job.revision, job.dispatch),
        (JobState::Queued, 1, 1)
    );
    let read = world.rest("acme").get(&format!("/v1/jobs/{}", job.job_id)).await;
    assert_eq!(read.body["jobId"], job.job_id);
    world.stop().await;
}

#[tokio::test]
async fn the_job_types_own_path_takes_the_payload_alone() {
    let world = World::start().await;
    let answer = world
        .rest("acme")
        .post("/v1/jobTypes/contacts.import/jobs", &payload("r-1"))
        .await;
    assert_eq!(
        (answer.status, answer.body["jobType"].as_str()),
        (202, Some("contacts.import"))
    );
    world.stop().await;
}

#[tokio::test]
async fn the_same_request_with_a_key_is_one_job_however_it_is_written() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let submit = async |key: &str, body: serde_json::Value| {
        Answer::read(
            rest.request(reqwest::Method::POST, "/v1/jobs")
                .header("idempotency-key", key)
                .json(&body),
        )
        .await
    };
    let first = submit("order-1", request("r-1")).await;
    assert_eq!(first.body["requestId"], "order-1");
    let with_defaults = json!({"labels": {}, "payload": payload("r-1"), "job_type": "contacts.import", "requestId": "order-1", "attachments": []});
    for again in [
        submit("order-1", request("r-1")).await,
        submit("\"order-1\"", with_defaults).await,
    ] {
        assert_eq!(
            (again.status, &again.body["jobId"]),
            (202, &first.body["jobId"]),
            "{}",
            again.body
        );
    }
    let mut grpc = world.grpc("acme").await;
    let same = SubmitJobRequest {
        request_id: "order-1".to_owned(),
        ..grpc_request("r-1")
    };
    let reply = grpc.jobs.submit_job(grpc.ask(same)).await.unwrap().into_inner();
    assert_eq!(first.body["jobId"], reply.job.unwrap().job_id);
    world.stop().await;
}

#[tokio::test]
async fn a_used_key_answers_before_any_validation() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let keyed = |body: serde_json::Value| {
        let mut body = body;
        body["requestId"] = json!("order-1");
        body
    };
    rest.submit(&keyed(request("r-1"))).await;
    let mut invalid = request("r-1");
    invalid["payload"]["contacts"] = json!("none");
    for other in [request("r-2"), invalid, json!({"jobType": "nope"})] {
        let answer = rest.post("/v1/jobs", &keyed(other)).await;
        assert_eq!((answer.status, answer.reason()), (400, "REQUEST_ID_REUSED"));
    }
    // Another partner's keys are its own.
    let other = world
        .rest("globex")
        .post("/v1/jobs", &keyed(request("r-9")))
        .await;
    assert_eq!(other.status, 202);
    world.stop().await;
}

#[tokio::test]
async fn a_key_is_the_partners_whatever_token_it_comes_with() {
    let partner = Partner {
        id: "acme".to_owned(),
        issuer: None,
        clients: vec!["acme".to_owned(), "globex".to_owned()],
    };
    let world = World::start_with(|settings| settings.partners = vec![partner]).await;
    let mut body = request("r-1");
    body["requestId"] = json!("order-1");
    let job = world.rest("acme").submit(&body).await;
    // A token that was refreshed, and one of another client of the same partner.
    for client in ["acme", "globex"] {
        assert_eq!(world.rest(client).submit(&body).await, job);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_key_in_the_header_and_another_in_the_body_is_refused() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let mut body = request("r-1");
    body["requestId"] = json!("one");
    let post = rest
        .request(reqwest::Method::POST, "/v1/jobs")
        .header("idempotency-key", "other")
        .json(&body);
    let answer = Answer::read(post).await;
    assert_eq!((answer.status, answer.reason()), (400, "INVALID_REQUEST"));
    let twice = rest
        .request(reqwest::Method::POST, "/v1/jobs")
        .header("idempotency-key", "one")
        .header("idempotency-key", "other");
    let answer = Answer::read(twice.json(&request("r-1"))).await;
    assert_eq!((answer.status, answer.reason()), (400, "INVALID_REQUEST"));
    world.stop().await;
}

#[tokio::test]
async fn one_key_a_hundred_times_at_once_is_one_job_and_one_task() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut body = request("r-1");
    body["requestId"] = json!("order-1");
    let answers = join_all((0..100).map(|_| rest.post("/v1/jobs", &body))).await;
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.body["jobId"]),
            (202, &answers[0].body["jobId"]),
            "{}",
            answer.body
        );
    }
    consumer.task().await;
    assert_eq!(consumer.count(&consumer.jobs).await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_unique_value_in_use_names_the_job_that_holds_it() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let holder = rest.submit(&request("r-1")).await;
    let answer = rest.post("/v1/jobs", &request("r-1")).await;
    assert_eq!((answer.status, answer.reason()), (409, "UNIQUE_CONSTRAINT"));
    let details = &answer.body["error"]["details"];
    assert_eq!(details[0]["metadata"]["constraint"], "reference");
    assert_eq!(
        (&details[1]["resourceType"], &details[1]["resourceName"]),
        (&json!("postern.v1.Job"), &holder["jobId"])
    );
    let mut grpc = world.grpc("acme").await;
    let status = grpc
        .jobs
        .submit_job(grpc.ask(grpc_request("r-1")))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::AlreadyExists, "UNIQUE_CONSTRAINT")
    );
    world.rest("globex").submit(&request("r-1")).await;
    world.stop().await;
}

#[tokio::test]
async fn a_unique_value_a_hundred_times_at_once_is_held_by_one_job() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let answers = join_all((0..100).map(|number| {
        let mut body = request("r-1");
        body["requestId"] = json!(format!("order-{number}"));
        let rest = rest.clone();
        async move { rest.post("/v1/jobs", &body).await }
    }))
    .await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!(accepted.len(), 1);
    for answer in refused {
        assert_eq!((answer.status, answer.reason()), (409, "UNIQUE_CONSTRAINT"));
        assert_eq!(
            answer.body["error"]["details"][1]["resourceName"],
            accepted[0].body["jobId"]
        );
    }
    consumer.task().await;
    assert_eq!(consumer.count(&consumer.jobs).await, 0);
    world.stop().await;
}

#[tokio::test]
async fn validate_only_checks_everything_and_stores_nothing() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let check = |body: serde_json::Value| {
        let mut body = body;
        body["validateOnly"] = json!(true);
        body
    };
    let answer = rest.post("/v1/jobs", &check(request("r-1"))).await;
    assert_eq!(
        (answer.status, answer.body["jobId"].as_str()),
        (200, Some("")),
        "{}",
        answer.body
    );
    assert_eq!(rest.get("/v1/jobs").await.body["jobs"], json!([]));
    let mut keyed = request("r-1");
    keyed["requestId"] = json!("order-1");
    rest.submit(&keyed).await;
    assert_eq!(
        rest.post("/v1/jobs", &check(request("r-1"))).await.reason(),
        "UNIQUE_CONSTRAINT"
    );
    assert_eq!(rest.post("/v1/jobs", &check(keyed)).await.status, 200);
    let mut other = request("r-2");
    other["requestId"] = json!("order-1");
    assert_eq!(
        rest.post("/v1/jobs", &check(other)).await.reason(),
        "REQUEST_ID_REUSED"
    );
    world.stop().await;
}

#[tokio::test]
async fn timeouts_may_be_shortened_and_move_the_deadline() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let mut body = request("r-1");
    body["queueTimeout"] = json!("60s");
    let job = rest.submit(&body).await;
    let seconds = |value: &serde_json::Value| {
        let time: prost_types::Timestamp = value.as_str().unwrap().parse().unwrap();
        time.seconds
    };
    assert_eq!(seconds(&job["deadline"]) - seconds(&job["createTime"]), 60);
    body["payload"]["reference"] = json!("r-2");
    body["queueTimeout"] = json!("864000s");
    body["executionTimeout"] = json!("0s");
    let answer = rest.post("/v1/jobs", &body).await;
    let expected = [
        ("/executionTimeout", "OUT_OF_RANGE"),
        ("/queueTimeout", "OUT_OF_RANGE"),
    ];
    assert_eq!(
        answer.violations(),
        expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()))
    );
    world.stop().await;
}
