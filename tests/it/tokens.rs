//! Tokens and scopes: who may call what.

use std::time::Duration;

use postern_proto::postern::v1::GetJobRequest;
use postern_proto::postern::v1::job_service_client::JobServiceClient;
use serde_json::json;
use tonic::Code;

use crate::world::{Answer, Grpc, World, http, reason, request};

#[tokio::test]
async fn a_call_without_a_valid_token_is_refused_alike_over_rest_and_grpc() {
    let world = World::start().await;
    let expired = world
        .stack
        .issuer
        .token("acme", None, Duration::from_secs(0))
        .unwrap();
    let forged = format!("{}x", world.token("acme"));
    for (token, expected) in [
        (expired.as_str(), "TOKEN_EXPIRED"),
        (&forged, "TOKEN_INVALID"),
        ("nonsense", "TOKEN_INVALID"),
    ] {
        let answer = world.rest("acme").with_token(token).get("/v1/jobs").await;
        assert_eq!(
            (answer.status, answer.reason(), answer.header("www-authenticate")),
            (401, expected, "Bearer")
        );
        let mut grpc = Grpc::connect(world.stack.addresses.grpc, token).await;
        let status = grpc
            .jobs
            .get_job(grpc.ask(GetJobRequest::default()))
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unauthenticated, expected)
        );
    }
    let missing = Answer::read(http().get(world.url("/v1/jobs"))).await;
    assert_eq!(
        (
            missing.status,
            missing.reason(),
            missing.header("www-authenticate")
        ),
        (401, "TOKEN_MISSING", "Bearer")
    );
    let mut anonymous = JobServiceClient::new(world.grpc("acme").await.channel);
    let status = anonymous.get_job(GetJobRequest::default()).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unauthenticated, "TOKEN_MISSING")
    );
    let twice = world.rest("acme").request(reqwest::Method::GET, "/v1/jobs");
    let twice = Answer::read(twice.bearer_auth(world.token("globex"))).await;
    assert_eq!((twice.status, twice.reason()), (401, "TOKEN_INVALID"));
    let basic = Answer::read(
        http()
            .get(world.url("/v1/jobs"))
            .basic_auth("acme", Some("acme-secret")),
    )
    .await;
    assert_eq!(basic.status, 401);
    world.stop().await;
}

#[tokio::test]
async fn a_method_needs_its_scope() {
    let world = World::start().await;
    let read_only = world
        .stack
        .issuer
        .token("acme", Some("jobs/read"), Duration::from_hours(1))
        .unwrap();
    let rest = world.rest("acme").with_token(&read_only);
    assert_eq!(rest.get("/v1/jobs").await.status, 200);
    let answer = rest.post("/v1/jobs", &request("r-1")).await;
    assert_eq!((answer.status, answer.reason()), (403, "SCOPE_MISSING"));
    let worker = world.rest("worker").get("/v1/jobs").await;
    assert_eq!((worker.status, worker.reason()), (403, "SCOPE_MISSING"));
    let mut grpc = Grpc::connect(world.stack.addresses.edge, &read_only).await;
    let status = grpc
        .jobs
        .submit_job(grpc.ask(crate::submit::grpc_request("r-1")))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::PermissionDenied, "SCOPE_MISSING")
    );
    world.stop().await;
}

#[tokio::test]
async fn a_token_of_the_issuers_endpoint_opens_the_door() {
    let world = World::start().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "acme"),
        ("client_secret", "acme-secret"),
        ("scope", "jobs/read"),
    ];
    let answer = Answer::read(http().post(world.url("/oauth2/token")).form(&form)).await;
    assert_eq!(
        (
            answer.status,
            answer.header("cache-control"),
            &answer.body["expires_in"]
        ),
        (200, "no-store", &json!(3600))
    );
    let rest = world
        .rest("acme")
        .with_token(answer.body["access_token"].as_str().unwrap());
    assert_eq!(rest.get("/v1/jobs").await.status, 200);
    assert_eq!(rest.post("/v1/jobs", &request("r-1")).await.status, 403);
    world.stop().await;
}

#[tokio::test]
async fn a_stack_that_listens_everywhere_accepts_the_tokens_that_it_gives() {
    let world = World::start_with(|settings| settings.edge_listen = Some("0.0.0.0:0".to_owned())).await;
    let port = world.stack.addresses.edge.port();
    let jobs = http().get(format!("http://127.0.0.1:{port}/v1/jobs"));
    let answer = Answer::read(jobs.bearer_auth(world.token("acme"))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world.stop().await;
}

#[tokio::test]
async fn health_needs_no_token() {
    let world = World::start().await;
    let channel = world.grpc("acme").await.channel;
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let reply = health
        .check(tonic_health::pb::HealthCheckRequest {
            service: "postern.v1.JobService".to_owned(),
        })
        .await
        .unwrap();
    assert_eq!(reply.into_inner().status, 1);
    assert_eq!(Answer::read(http().get(world.url("/healthz"))).await.status, 200);
    let ready = http().get(format!("http://{}/readyz", world.stack.addresses.admin));
    assert_eq!(Answer::read(ready).await.status, 200);
    world.stop().await;
}

/// Asks one version of reflection for its services and for the file of error details; both lists of names.
macro_rules! reflected {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::ServerReflectionRequest;
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
        let ask = |message| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message),
        };
        let asked = [
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol(
                "google.rpc.ErrorInfo".to_owned(),
            )),
        ];
        let mut answers = ServerReflectionClient::new($channel)
            .server_reflection_info(futures::stream::iter(asked))
            .await
            .unwrap()
            .into_inner();
        let (mut services, mut files) = (Vec::new(), 0);
        while let Some(answer) = answers.message().await.unwrap() {
            match answer.message_response.unwrap() {
                MessageResponse::ListServicesResponse(list) => {
                    services.extend(list.service.into_iter().map(|service| service.name));
                }
                MessageResponse::FileDescriptorResponse(found) => files += found.file_descriptor_proto.len(),
                other => panic!("{other:?}"),
            }
        }
        (services, files)
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_need_no_token_at_the_server_and_through_the_edge() {
    let world = World::start().await;
    for address in [world.stack.addresses.edge, world.stack.addresses.grpc] {
        let channel = Grpc::connect(address, "any").await.channel;
        for (services, files) in [
            reflected!(v1, channel.clone()),
            reflected!(v1alpha, channel.clone()),
        ] {
            for service in [
                "postern.v1.JobService",
                "postern.v1.CatalogService",
                "grpc.health.v1.Health",
            ] {
                assert!(
                    services.iter().any(|name| name == service),
                    "{service} in {services:?}"
                );
            }
            assert!(files > 0, "the file of error details");
        }
    }
    world.stop().await;
}
