//! The roles as processes of their own, as in production: SQS, migrate, server, edge, and an issuer that is not the development one.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use postern_issuer::{Issuer, SigningKey};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::consumer::Consumer;
use crate::world::{Answer, SOON, http, install_crypto, request};

/// 32 bytes in base64.
const SECRET_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Made for this test with `openssl genpkey -algorithm RSA`.
const OTHER_KEY: &str = include_str!("other-key.pem");

fn postern(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .kill_on_drop(true);
    for part in ["EDGE", "GRPC", "SQS", "ADMIN"] {
        command.env(format!("POSTERN_{part}_LISTEN"), "127.0.0.1:0");
    }
    command
}

/// A role that runs, and the address that it printed under its name.
struct Running {
    _child: Child,
    address: String,
}

async fn start(mut command: Command, part: &str) -> Running {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = timeout(SOON, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(address) = line.strip_prefix(part) {
                return address.trim().to_owned();
            }
        }
        panic!("{part} ended before it was ready")
    });
    let address = address.await.unwrap();
    Running {
        _child: child,
        address,
    }
}

/// An issuer on a port of its own.
async fn issuer(make: impl FnOnce(&str) -> Issuer) -> Issuer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = make(&format!("http://{}", listener.local_addr().unwrap()));
    let router: Router = issuer.router();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    issuer
}

/// One whose key is nobody's but this test's.
async fn real_issuer() -> Issuer {
    issuer(|url| Issuer::with_key(url, SigningKey::from_pem(OTHER_KEY).unwrap()).unwrap()).await
}

fn server(folder: &Path, sqs: &str, issuer: &Issuer) -> Command {
    let mut command = postern(folder, &["server"]);
    command
        .env("POSTERN_CATALOG", concat!(env!("CARGO_MANIFEST_DIR"), "/catalog"))
        .env("POSTERN_ISSUER", issuer.url())
        .env("POSTERN_SECRET_KEY", SECRET_KEY)
        .env("POSTERN_SQS_ENDPOINT", sqs);
    command
}

#[tokio::test]
async fn the_roles_run_apart_and_carry_a_job_to_its_end() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let issuer = real_issuer().await;
    let sqs = start(postern(folder.path(), &["sqs"]), "sqs").await;
    let consumer = Consumer::create(&sqs.address).await;

    let early = server(folder.path(), &sqs.address, &issuer)
        .output()
        .await
        .unwrap();
    assert!(
        String::from_utf8_lossy(&early.stderr).contains("postern migrate"),
        "{early:?}"
    );
    let migrated = postern(folder.path(), &["migrate"]).output().await.unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let server = start(server(folder.path(), &sqs.address, &issuer), "grpc").await;
    let upstream = format!("http://{}", server.address);
    let edge = start(postern(folder.path(), &["edge", "--upstream", &upstream]), "edge").await;

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
    let sqs = start(postern(folder.path(), &["sqs"]), "sqs").await;
    Consumer::create(&sqs.address).await;
    assert!(
        postern(folder.path(), &["migrate"])
            .status()
            .await
            .unwrap()
            .success()
    );
    let server = start(server(folder.path(), &sqs.address, &issuer), "grpc").await;
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
    let output = postern(folder.path(), &["server"]).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for key in ["POSTERN_CATALOG", "POSTERN_ISSUER", "POSTERN_SECRET_KEY"] {
        assert!(text.contains(key), "{key} in {text}");
    }
}

#[tokio::test]
async fn a_fifo_queue_is_refused_with_the_reason() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let sqs = start(postern(folder.path(), &["sqs"]), "sqs").await;
    assert!(
        postern(folder.path(), &["migrate"])
            .status()
            .await
            .unwrap()
            .success()
    );
    let issuer = real_issuer().await;
    let output = server(folder.path(), &sqs.address, &issuer)
        .env("POSTERN_JOBS_QUEUE", "jobs.fifo")
        .output()
        .await
        .unwrap();
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("use a standard queue"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_token_of_the_command_line_opens_the_door_of_dev() {
    let folder = tempfile::tempdir().unwrap();
    let process = crate::shutdown::Process::start(folder.path(), None).await;
    let address = process.edge.trim_start_matches("http://");
    let mut command = postern(
        folder.path(),
        &[
            "token",
            "--client",
            "globex",
            "--scope",
            "jobs/read",
            "--expires-in",
            "1m",
        ],
    );
    let output = command
        .env("POSTERN_EDGE_LISTEN", address)
        .output()
        .await
        .unwrap();
    let token = String::from_utf8(output.stdout).unwrap();
    let answer = Answer::read(
        http()
            .get(format!("{}/v1/jobs", process.edge))
            .bearer_auth(token.trim()),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    process.kill().await;
}
