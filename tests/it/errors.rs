//! Each row of the error table in the REST contract that can be reached today: over REST by status, code, reason; over gRPC alike.

use postern_proto::postern::v1::catalog_service_client::CatalogServiceClient;
use postern_proto::postern::v1::{
    GetJobRequest, GetJobTypeRequest, ListJobsRequest, SubmitJobRequest, WatchJobRequest,
};
use reqwest::Method;
use serde_json::json;
use tonic::Code;

use crate::submit::grpc_request;
use crate::world::{Answer, Grpc, World, reason, request, violations};

/// A body that is not what a client library would send.
pub(crate) async fn raw(world: &World, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = world
        .rest("acme")
        .request(Method::POST, "/v1/jobs")
        .header("content-type", content_type);
    Answer::read(request.body(body)).await
}

pub(crate) fn told(answer: &Answer) -> (u16, &str, &str) {
    assert_eq!(answer.body["error"]["code"], answer.status, "{}", answer.body);
    assert_eq!(answer.body["error"]["details"][0]["domain"], "postern");
    (
        answer.status,
        answer.body["error"]["status"].as_str().unwrap(),
        answer.reason(),
    )
}

#[tokio::test]
async fn what_cannot_be_read_is_an_invalid_request_that_points_at_the_fault() {
    let world = World::start().await;
    let cases = [
        ("{", ""),
        (r#"{"jobType":"contacts.import","nope":1}"#, "/nope"),
        (r#"{"jobType":"a","jobType":"b"}"#, "/jobType"),
        (r#"{"jobType":"a","job_type":"b"}"#, "/jobType"),
        (r#"{"jobType":7}"#, "/jobType"),
        (
            r#"{"jobType":"contacts.import","payload":{"n":9007199254740993}}"#,
            "/payload/n",
        ),
        (
            r#"{"jobType":"contacts.import","payload":{"n":1e300}}"#,
            "/payload/n",
        ),
        (
            r#"{"jobType":"contacts.import","queueTimeout":"soon"}"#,
            "/queueTimeout",
        ),
    ];
    for (body, field) in cases {
        let answer = raw(&world, "application/json", body).await;
        assert_eq!(
            told(&answer),
            (400, "INVALID_ARGUMENT", "INVALID_REQUEST"),
            "{body}"
        );
        if !field.is_empty() {
            let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
            assert!(
                fields
                    .iter()
                    .any(|found| found == field || (field == "/jobType" && found == "/job_type")),
                "{body}: {fields:?}"
            );
        }
    }
    let query = world.rest("acme").get("/v1/jobs?nope=1&pageSize=many").await;
    assert_eq!(told(&query), (400, "INVALID_ARGUMENT", "INVALID_REQUEST"));
    let fields: Vec<_> = query.violations().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["/nope", "/pageSize"]);
    world.stop().await;
}

#[tokio::test]
async fn all_faults_of_a_request_are_told_at_once() {
    let world = World::start().await;
    let mut body = request("r-1");
    body["requestId"] = json!("ok");
    body["labels"] = json!({"Bad Key": "x", "team": "y".repeat(257)});
    body["attachments"] = json!([{"attachmentId": "att_1"}]);
    let answer = world.rest("acme").post("/v1/jobs", &body).await;
    assert_eq!(told(&answer), (400, "INVALID_ARGUMENT", "INVALID_REQUEST"));
    let mut fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(fields, ["/attachments", "/labels/Bad Key", "/labels/team"]);
    let empty = world.rest("acme").post("/v1/jobs", &json!({})).await;
    assert_eq!(
        (told(&empty), empty.violations()[0].0.as_str()),
        ((400, "INVALID_ARGUMENT", "INVALID_REQUEST"), "/jobType")
    );
    let mut grpc = world.grpc("acme").await;
    let status = grpc
        .jobs
        .submit_job(grpc.ask(SubmitJobRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST")
    );
    let bad_key = SubmitJobRequest {
        request_id: "tab\t".to_owned(),
        ..grpc_request("r-1")
    };
    let status = grpc.jobs.submit_job(grpc.ask(bad_key)).await.unwrap_err();
    assert_eq!(
        violations(&status),
        [("/requestId".to_owned(), "INVALID_VALUE".to_owned())]
    );
    world.stop().await;
}

#[tokio::test]
async fn an_unknown_job_type_is_told_apart_from_an_invalid_payload() {
    let world = World::start().await;
    let (rest, mut grpc) = (world.rest("acme"), world.grpc("acme").await);
    let unknown = rest
        .post("/v1/jobs", &json!({"jobType": "nope", "payload": {}}))
        .await;
    assert_eq!(told(&unknown), (400, "INVALID_ARGUMENT", "JOB_TYPE_UNKNOWN"));
    let ask = SubmitJobRequest {
        job_type: "nope".to_owned(),
        ..grpc_request("r-1")
    };
    let status = grpc.jobs.submit_job(grpc.ask(ask)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "JOB_TYPE_UNKNOWN")
    );

    let body = json!({"jobType": "contacts.import", "payload": {"reference": "r", "contacts": [{"email": "nope", "name": "X", "fax": 1}]}});
    let invalid = rest.post("/v1/jobs", &body).await;
    assert_eq!(told(&invalid), (400, "INVALID_ARGUMENT", "PAYLOAD_INVALID"));
    assert_eq!(
        invalid.body["error"]["message"],
        "payload does not fit contacts.import: 3 violations"
    );
    assert_eq!(
        invalid.body["error"]["details"][0]["metadata"]["violationsTotal"],
        "3"
    );
    let mut found = invalid.violations();
    found.sort();
    let expected = [
        ("/payload/account", "REQUIRED"),
        ("/payload/contacts/0/email", "FORMAT"),
        ("/payload/contacts/0/fax", "ADDITIONAL_PROPERTIES"),
    ];
    assert_eq!(
        found,
        expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()))
    );
    let status = grpc
        .jobs
        .submit_job(grpc.ask(SubmitJobRequest {
            payload: None,
            ..grpc_request("r-1")
        }))
        .await
        .unwrap_err();
    assert_eq!(
        (reason(&status).as_str(), violations(&status).len()),
        ("PAYLOAD_INVALID", 3)
    );
    world.stop().await;
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let nowhere = rest.get("/v1/nope").await;
    assert_eq!(told(&nowhere), (404, "NOT_FOUND", "ROUTE_NOT_FOUND"));
    let wrong = Answer::read(rest.request(Method::PATCH, "/v1/jobs")).await;
    assert_eq!(told(&wrong), (405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"));
    assert_eq!(
        wrong
            .header("allow")
            .split(", ")
            .filter(|method| ["GET", "POST"].contains(method))
            .count(),
        2
    );
    world.stop().await;
}

#[tokio::test]
async fn grpc_callers_are_told_of_unknown_methods_and_types_with_details() {
    let world = World::start().await;
    let grpc = world.grpc("acme").await;
    let mut catalog = CatalogServiceClient::new(grpc.channel.clone());
    let status = catalog
        .get_job_type(grpc.ask(GetJobTypeRequest {
            job_type: "nope".to_owned(),
        }))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "JOB_TYPE_NOT_FOUND")
    );
    let mut jobs = grpc.jobs.clone();
    let ask = grpc.ask(ListJobsRequest {
        page_token: "nope".to_owned(),
        ..Default::default()
    });
    let status = jobs.list_jobs(ask).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "PAGE_TOKEN_INVALID")
    );

    let mut client = tonic::client::Grpc::new(grpc.channel.clone());
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/postern.v1.JobService/Nope");
    let codec = tonic_prost::ProstCodec::<ListJobsRequest, ListJobsRequest>::default();
    let status = client
        .unary(grpc.ask(ListJobsRequest::default()), path, codec)
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unimplemented, "METHOD_NOT_ALLOWED")
    );
}

#[tokio::test]
async fn grpc_callers_get_the_same_reasons_as_rest_callers() {
    let world = World::start().await;
    let mut grpc = world.grpc("acme").await;
    let keyed = |reference: &str| SubmitJobRequest {
        request_id: "order-1".to_owned(),
        ..grpc_request(reference)
    };
    grpc.jobs.submit_job(grpc.ask(keyed("r-1"))).await.unwrap();
    let status = grpc.jobs.submit_job(grpc.ask(keyed("r-2"))).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "REQUEST_ID_REUSED")
    );

    let sized = |bytes: usize| {
        let mut ask = grpc_request("r-3");
        let text = prost_types::Value {
            kind: Some(prost_types::value::Kind::StringValue("x".repeat(bytes))),
        };
        ask.payload
            .as_mut()
            .unwrap()
            .fields
            .insert("account".to_owned(), text);
        ask
    };
    let status = grpc.jobs.submit_job(grpc.ask(sized(800_000))).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "PAYLOAD_TOO_LARGE")
    );
    let status = grpc
        .jobs
        .submit_job(grpc.ask(sized(13_000_000)))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "BODY_TOO_LARGE")
    );

    let ask = GetJobRequest {
        job_id: "job_00000000000000000000000000".to_owned(),
        ..Default::default()
    };
    let status = grpc.jobs.get_job(grpc.ask(ask.clone())).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    let ask = WatchJobRequest {
        job_id: ask.job_id,
        after_revision: None,
    };
    let status = grpc.jobs.watch_job(grpc.ask(ask)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "JOB_NOT_FOUND")
    );
    world.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_an_invalid_request() {
    let world = World::start().await;
    let grpc = world.grpc("acme").await;
    let mut client = tonic::client::Grpc::new(grpc.channel.clone());
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/postern.v1.JobService/GetJob");
    // Its second field is bytes where GetJob's is a message.
    let codec = tonic_prost::ProstCodec::<prost_types::Any, prost_types::Any>::default();
    let wrong = prost_types::Any {
        type_url: "job".to_owned(),
        value: vec![0xff],
    };
    let status = client.unary(grpc.ask(wrong), path, codec).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST")
    );
    world.stop().await;
}

#[tokio::test]
async fn what_breaks_inside_is_internal_and_says_no_more() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap().to_owned();
    let task = consumer.task().await;
    consumer.send(&task.outcome("SUCCEEDED")).await;
    rest.until(&id, "JOB_STATE_SUCCEEDED").await;
    world.sql("DROP TABLE job_bodies").await;
    let answer = rest.get(&format!("/v1/jobs/{id}")).await;
    assert_eq!(told(&answer), (500, "INTERNAL", "INTERNAL"));
    assert_eq!(answer.body["error"]["message"], "internal error");
    let mut grpc = world.grpc("acme").await;
    let ask = grpc.ask(GetJobRequest {
        job_id: id,
        ..Default::default()
    });
    let status = grpc.jobs.get_job(ask).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message(), reason(&status).as_str()),
        (Code::Internal, "internal error", "INTERNAL")
    );
    world.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_503_with_a_time_to_come_back() {
    use tokio_util::sync::CancellationToken;
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let channels = postern_edge::upstream::channel(&closed).unwrap();
    let config = postern_edge::Config {
        descriptor_set: postern_proto::DESCRIPTOR_SET.into(),
        ..Default::default()
    };
    let edge = config.build(channels).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/v1/jobs");
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(postern_edge::serve(
        listener,
        edge,
        postern_edge::ServeConfig::default(),
        shutdown.clone(),
    ));
    let answer = Answer::read(crate::world::http().get(url)).await;
    assert_eq!(told(&answer), (503, "UNAVAILABLE", "BACKEND_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), "1");
    let mut grpc = Grpc::connect(address, "any").await;
    let status = grpc
        .jobs
        .list_jobs(grpc.ask(ListJobsRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "BACKEND_UNAVAILABLE")
    );
    shutdown.cancel();
    serving.await.unwrap();
}
