//! The roles as processes of their own, as in production: SQS, migrate, server, edge, and an issuer that is not the development one.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use postern_issuer::{Issuer, SigningKey};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::consumer::Consumer;
use crate::life;
use crate::process::{Process, command, output};
use crate::world::{Answer, http, install_crypto, request};

/// 32 bytes in base64.
const SECRET_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Made for this test with `openssl genpkey -algorithm RSA`.
const OTHER_KEY: &str = include_str!("other-key.pem");

/// An issuer on a port of its own.
async fn issuer(make: impl FnOnce(&str) -> Issuer) -> Issuer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = make(&format!("http://{}", listener.local_addr().unwrap()));
    let router: Router = issuer.router();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    issuer
}

/// One whose key is nobody's but this test's.
pub(crate) async fn real_issuer() -> Issuer {
    issuer(|url| Issuer::with_key(url, SigningKey::from_pem(OTHER_KEY).unwrap()).unwrap()).await
}

pub(crate) fn server(folder: &Path, sqs: &str, issuer: &Issuer) -> Command {
    let mut command = command(folder, &["server"]);
    command
        .env("POSTERN_CATALOG", concat!(env!("CARGO_MANIFEST_DIR"), "/catalog"))
        .env("POSTERN_ISSUER", issuer.url())
        .env("POSTERN_SECRET_KEY", SECRET_KEY)
        .env("POSTERN_SQS_ENDPOINT", sqs);
    command
}

pub(crate) async fn migrate(folder: &Path) {
    let migrated = output(&mut command(folder, &["migrate"])).await;
    assert!(migrated.status.success(), "{migrated:?}");
}

#[tokio::test]
async fn the_roles_run_apart_and_carry_a_job_to_its_end() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let issuer = real_issuer().await;
    let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
    let consumer = Consumer::create(&sqs.address).await;

    let early = output(&mut server(folder.path(), &sqs.address, &issuer)).await;
    assert!(
        String::from_utf8_lossy(&early.stderr).contains("postern migrate"),
        "{early:?}"
    );
    migrate(folder.path()).await;
    let server = Process::start(server(folder.path(), &sqs.address, &issuer), "grpc").await;
    let upstream = format!("http://{}", server.address);
    let edge = Process::start(command(folder.path(), &["edge", "--upstream", &upstream]), "edge").await;

    let token = issuer.token("acme", None, Duration::from_hours(1)).unwrap();
    let post = http()
        .post(format!("{}/v1/jobs", edge.address))
        .bearer_auth(&token);
    let submitted = Answer::read(post.json(&request("r-1"))).await;
    assert_eq!(submitted.status, 202, "{}", submitted.body);
    let task = consumer.task().await;
    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
        .await;
    let path = format!("{}{}?wait=20s", edge.address, submitted.header("location"));
    let done = Answer::read(http().get(path).bearer_auth(&token)).await;
    assert_eq!(done.body["state"], "JOB_STATE_SUCCEEDED");
}

#[tokio::test]
async fn a_server_refuses_the_tokens_of_the_development_issuer() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let issuer = issuer(|url| Issuer::new(url).unwrap()).await;
    let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
    Consumer::create(&sqs.address).await;
    migrate(folder.path()).await;
    let server = Process::start(server(folder.path(), &sqs.address, &issuer), "grpc").await;
    let token = issuer.token("acme", None, Duration::from_hours(1)).unwrap();
    let mut grpc = crate::world::Grpc::connect(server.address.parse().unwrap(), &token).await;
    let ask = grpc.ask(postern_proto::postern::v1::ListJobsRequest::default());
    let status = grpc.jobs.list_jobs(ask).await.unwrap_err();
    assert_eq!(
        (status.code(), crate::world::reason(&status).as_str()),
        (tonic::Code::Unauthenticated, "TOKEN_INVALID")
    );
}

#[tokio::test]
async fn a_server_says_everything_that_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let refused = output(&mut command(folder.path(), &["server"])).await;
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    for key in ["POSTERN_CATALOG", "POSTERN_ISSUER", "POSTERN_SECRET_KEY"] {
        assert!(text.contains(key), "{key} in {text}");
    }
}

#[tokio::test]
async fn a_server_says_everything_that_is_wrong_with_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = command(folder.path(), &["server"]);
    server
        .env("POSTERN_CATALOG", "nowhere")
        .env("POSTERN_ISSUER", "http://example.com")
        .env("POSTERN_SECRET_KEY", "short");
    let refused = output(&mut server).await;
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    for fault in ["3 fault(s)", "nowhere", "http://example.com", "secret_key"] {
        assert!(text.contains(fault), "{fault} in {text}");
    }
}

#[tokio::test]
async fn a_fifo_queue_is_refused_with_the_reason() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
    migrate(folder.path()).await;
    let issuer = real_issuer().await;
    let mut server = server(folder.path(), &sqs.address, &issuer);
    let refused = output(server.env("POSTERN_JOBS_QUEUE", "jobs.fifo")).await;
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("use a standard queue"),
        "{refused:?}"
    );
}

/// A descriptor set file by file, each as it is encoded: decoding further would lose the options.
#[derive(Clone, PartialEq, prost::Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

#[tokio::test]
async fn an_edge_serves_the_descriptor_set_that_it_is_given_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::decode(postern_proto::DESCRIPTOR_SET).unwrap();
    files.file.retain(|file| {
        let file = prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap();
        file.name() != "postern/v1/job_service.proto"
    });
    std::fs::write(folder.path().join("catalog.binpb"), files.encode_to_vec()).unwrap();
    let args = [
        "edge",
        "--upstream",
        "http://127.0.0.1:1",
        "--descriptor-set",
        "catalog.binpb",
    ];
    let edge = Process::start(command(folder.path(), &args), "edge").await;
    let get = async |path: &str| Answer::read(http().get(format!("{}{path}", edge.address))).await;
    let (known, unknown) = (get("/v1/jobTypes").await, get("/v1/jobs").await);
    assert_eq!((known.status, known.reason()), (503, "BACKEND_UNAVAILABLE"));
    assert_eq!((unknown.status, unknown.reason()), (404, "ROUTE_NOT_FOUND"));

    let args = ["edge", "--descriptor-set", "nowhere.binpb"];
    let refused = output(&mut command(folder.path(), &args)).await;
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("nowhere.binpb"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_catalog_shows_the_tasks_that_its_consumers_will_get() {
    let folder = tempfile::tempdir().unwrap();
    let shown = output(&mut command(
        folder.path(),
        &["catalog", "example", "contacts.import"],
    ))
    .await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    let message: Value = serde_json::from_str(&shown).unwrap();
    let attribute = |text: &str| json!({"DataType": "String", "StringValue": text});
    assert_eq!(
        message["MessageAttributes"],
        json!({"type": attribute("App\\Message\\ImportContacts"), "Content-Type": attribute("application/json")})
    );
    let task: Value = serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(life::faults(&task), [""; 0]);
    let example = include_str!("../../catalog/contacts.import.example.json");
    assert_eq!(task["payload"], serde_json::from_str::<Value>(example).unwrap());

    let all = output(&mut command(folder.path(), &["catalog", "example"])).await;
    assert_eq!(String::from_utf8(all.stdout).unwrap().lines().count(), 1);
    let unknown = output(&mut command(folder.path(), &["catalog", "example", "no.such"])).await;
    assert!(!unknown.status.success(), "{unknown:?}");
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("no.such"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_job_type_without_an_example_has_no_task_to_show() {
    let folder = tempfile::tempdir().unwrap();
    let job_type = "name: a.b\nversion: \"1\"\nschema: {type: object}\nconsumer_type: B\n";
    std::fs::write(folder.path().join("a.b.yaml"), job_type).unwrap();
    let mut example = command(folder.path(), &["catalog", "example"]);
    let refused = output(example.env("POSTERN_CATALOG", ".")).await;
    assert!(!refused.status.success(), "{refused:?}");
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("a.b"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_token_of_the_command_line_opens_the_door_of_dev() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Process::dev(folder.path(), None).await;
    let args = [
        "token",
        "--client",
        "globex",
        "--scope",
        "jobs/read",
        "--expires-in",
        "1m",
    ];
    let mut token = command(folder.path(), &args);
    token.env("POSTERN_EDGE_LISTEN", dev.address.trim_start_matches("http://"));
    let token = String::from_utf8(output(&mut token).await.stdout).unwrap();
    let get = http().get(format!("{}/v1/jobs", dev.address));
    let answer = Answer::read(get.bearer_auth(token.trim())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    dev.kill().await;
}

#[tokio::test]
async fn an_edge_is_told_its_limits_and_its_name_by_the_environment() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), &["edge", "--upstream", "http://127.0.0.1:1"]);
    command.env("POSTERN_EDGE_BODY_BYTES_MAX", "10");
    command.env("POSTERN_EDGE_ERROR_DOMAIN", "library");
    let edge = Process::start(command, "edge").await;
    let submit = http().post(format!("{}/v1/jobs", edge.address));
    let answer = Answer::read(submit.json(&serde_json::json!({"jobType": "x"}))).await;
    assert_eq!((answer.status, answer.reason()), (413, "BODY_TOO_LARGE"));
    assert_eq!(answer.body["error"]["details"][0]["domain"], "library");
}

/// Waits until a log has a line of which this holds.
async fn line_of(log: &Path, holds: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            let text = std::fs::read_to_string(log).unwrap();
            // The last line may not be whole yet.
            let mut lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
            if let Some(line) = lines.find(&holds) {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(crate::world::SOON, found).await;
    found.unwrap_or_else(|_late| panic!("{}", std::fs::read_to_string(log).unwrap()))
}

#[tokio::test]
async fn a_call_is_found_by_its_trace_in_the_logs_of_edge_and_server() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let issuer = real_issuer().await;
    let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
    Consumer::create(&sqs.address).await;
    migrate(folder.path()).await;
    let log = |name: &str, mut command: Command| {
        let log = folder.path().join(name);
        let file = std::fs::File::create(&log).unwrap();
        command.stderr(file).env("POSTERN_LOG_FORMAT", "json");
        command.env("RUST_LOG", "info,access=debug");
        (log, command)
    };
    let (server_log, server) = log("server.log", server(folder.path(), &sqs.address, &issuer));
    let server = Process::start(server, "grpc").await;
    let upstream = format!("http://{}", server.address);
    let (edge_log, edge) = log(
        "edge.log",
        command(folder.path(), &["edge", "--upstream", &upstream]),
    );
    let edge = Process::start(edge, "edge").await;

    let token = issuer.token("acme", None, Duration::from_hours(1)).unwrap();
    let post = http()
        .post(format!("{}/v1/jobs", edge.address))
        .bearer_auth(&token);
    let post = post.header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"));
    let submitted = Answer::read(post.json(&request("r-1"))).await;
    assert_eq!(submitted.status, 202, "{}", submitted.body);
    let at_edge = line_of(&edge_log, |line| line["trace.id"] == TRACE).await;
    assert_eq!(
        (&at_edge["rpc.method"], &at_edge["status"], &at_edge["request.id"]),
        (
            &json!("postern.v1.JobService/SubmitJob"),
            &json!(202),
            &json!(submitted.header("x-request-id"))
        )
    );
    let at_server = line_of(&server_log, |line| line["span"]["trace.id"] == TRACE).await;
    assert_eq!(at_server["span"]["request.id"], at_edge["request.id"]);
    for log in [edge_log, server_log] {
        assert!(!std::fs::read_to_string(log).unwrap().contains(&token));
    }
}

#[tokio::test]
async fn a_log_of_no_known_form_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut sqs = command(folder.path(), &["sqs"]);
    sqs.env("POSTERN_LOG_FORMAT", "xml");
    let refused = output(&mut sqs).await;
    assert!(!refused.status.success());
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("POSTERN_LOG_FORMAT"), "{text}");
}
