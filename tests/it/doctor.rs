//! `postern doctor`: everything that is wrong, each with what to do about it, and nothing where nothing is.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::types::QueueAttributeName::{
    MessageRetentionPeriod, QueueArn, RedrivePolicy, VisibilityTimeout,
};
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use postern_issuer::Issuer;
use serde_json::{Value, json};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::consumer::Consumer;
use crate::process::{Process, command, output};
use crate::roles::{real_issuer, server};
use crate::world::install_crypto;

const FORTNIGHT: &str = "1209600";

/// What a server needs, all of it sound.
struct Installation {
    folder: tempfile::TempDir,
    issuer: Issuer,
    sqs: Process,
    consumer: Consumer,
}

impl Installation {
    async fn start() -> Self {
        install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
        let consumer = Consumer::create(&sqs.address).await;
        for queue in [&consumer.jobs, &consumer.results] {
            give_dead_letters(&consumer, queue).await;
        }
        let migrated = output(&mut command(folder.path(), &["migrate"])).await;
        assert!(migrated.status.success(), "{migrated:?}");
        Self {
            issuer: real_issuer().await,
            folder,
            sqs,
            consumer,
        }
    }

    /// What the doctor says of it, with these changes of the environment.
    async fn examined(&self, changes: &[(&str, &str)], args: &[&str]) -> (i32, Value) {
        let mut doctor = doctor(self.folder.path(), &self.sqs.address, &self.issuer);
        doctor.args(args).envs(changes.iter().copied());
        let examined = output(&mut doctor).await;
        let report = serde_json::from_slice(&examined.stdout).unwrap_or_else(|_| panic!("{examined:?}"));
        (examined.status.code().unwrap(), report)
    }
}

/// The settings of a server.
fn doctor(folder: &Path, sqs: &str, issuer: &Issuer) -> tokio::process::Command {
    let of_server = server(folder, sqs, issuer);
    let mut doctor = command(folder, &["doctor", "--json"]);
    for (name, value) in of_server.as_std().get_envs() {
        doctor.env(name, value.unwrap());
    }
    doctor
}

async fn give_dead_letters(consumer: &Consumer, queue: &str) {
    let name = format!("{}-dlq", queue.rsplit('/').next().unwrap());
    let made = consumer.client.create_queue().queue_name(name);
    let made = made
        .attributes(MessageRetentionPeriod, FORTNIGHT)
        .send()
        .await
        .unwrap();
    let asked = consumer.client.get_queue_attributes().attribute_names(QueueArn);
    let asked = asked.queue_url(made.queue_url().unwrap()).send().await.unwrap();
    let policy = json!({"deadLetterTargetArn": asked.attributes().unwrap()[&QueueArn], "maxReceiveCount": 5});
    let set = consumer.client.set_queue_attributes().queue_url(queue);
    set.attributes(RedrivePolicy, policy.to_string())
        .attributes(MessageRetentionPeriod, FORTNIGHT)
        .send()
        .await
        .unwrap();
}

/// (check, what it says) of all findings with this verdict; what is not fine says what to do.
fn told(report: &Value, verdict: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap();
    let with = findings.iter().filter(|finding| finding["verdict"] == verdict);
    with.map(|finding| {
        let text = |name: &str| finding[name].as_str().unwrap().to_owned();
        assert_eq!(text("advice").is_empty(), verdict == "ok", "{finding}");
        (text("check"), text("says"))
    })
    .collect()
}

#[track_caller]
fn assert_tells(told: &[(String, String)], check: &str, words: &str) {
    let tells = told.iter().any(|(of, says)| of == check && says.contains(words));
    assert!(tells, "{check}: {words} in {told:#?}");
}

#[tokio::test]
async fn nothing_is_wrong_where_nothing_is() {
    let sound = Installation::start().await;
    let (code, report) = sound.examined(&[], &[]).await;
    assert_eq!(
        (code, &report["wrong"], &report["warnings"]),
        (0, &json!(0), &json!(0)),
        "{report:#}"
    );
    let checks: Vec<_> = told(&report, "ok").into_iter().map(|(check, _)| check).collect();
    let expected = [
        "settings",
        "secret_key",
        "partners",
        "catalog",
        "database",
        "queues",
        "queues",
        "issuer",
        "clock",
    ];
    assert_eq!(checks, expected);

    let running = server(sound.folder.path(), &sound.sqs.address, &sound.issuer);
    let running = Process::start(running, "grpc").await;
    let url = format!("http://{}", running.address);
    let (code, report) = sound.examined(&[], &["--server", &url]).await;
    assert_eq!(code, 0, "beside a running server, too: {report:#}");
    assert_tells(&told(&report, "ok"), "server", &url);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
    let issuer = real_issuer().await;
    let mut doctor = doctor(folder.path(), &sqs.address, &issuer);
    doctor.args(["--server", "http://127.0.0.1:1"]).envs([
        ("POSTERN_GRPC_LISTEN", "somewhere"),
        ("POSTERN_CATALOG", "nowhere"),
        ("POSTERN_SECRET_KEY", "short"),
        (
            "POSTERN_DATABASE_URL",
            "postgres://me:very-secret@127.0.0.1:1/postern",
        ),
        ("POSTERN_RESULTS_QUEUE", "results.fifo"),
        ("POSTERN_ISSUER", "http://127.0.0.1:1"),
    ]);
    let examined = output(&mut doctor).await;
    assert_eq!(examined.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&examined.stdout).unwrap();
    assert!(!report.to_string().contains("very-secret"), "{report:#}");
    let wrong = told(&report, "wrong");
    for (check, words) in [
        ("settings", "grpc_listen"),
        ("catalog", "nowhere"),
        ("secret_key", "32 bytes"),
        ("database", "postgres://127.0.0.1:1/postern"),
        ("queues", "postern-jobs does not exist"),
        ("queues", "results.fifo is a FIFO queue"),
        ("issuer", "http://127.0.0.1:1"),
        ("server", "http://127.0.0.1:1"),
    ] {
        assert_tells(&wrong, check, words);
    }
}

#[tokio::test]
async fn a_server_that_nobody_has_told_anything_learns_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = command(folder.path(), &["doctor"]);
    let examined = output(doctor.env("POSTERN_SQS_ENDPOINT", "http://127.0.0.1:1")).await;
    let text = String::from_utf8(examined.stdout).unwrap();
    assert_eq!(examined.status.code(), Some(1), "{text}");
    for words in [
        "POSTERN_CATALOG",
        "POSTERN_ISSUER",
        "POSTERN_SECRET_KEY",
        "postern migrate",
        "sqs_endpoint",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text}");
    assert!(!folder.path().join(".postern").exists(), "it makes nothing");
}

#[tokio::test]
async fn a_database_that_lacks_migrations_is_told_how_to_get_them() {
    let sound = Installation::start().await;
    let empty = sound.folder.path().join("empty.sqlite");
    std::fs::write(&empty, "").unwrap();
    let url = format!("sqlite:{}", empty.display());
    let (code, report) = sound.examined(&[("POSTERN_DATABASE_URL", &url)], &[]).await;
    assert_eq!(code, 1);
    assert_tells(&told(&report, "wrong"), "database", "migrations");
    assert_eq!(std::fs::read(&empty).unwrap(), b"", "it changes nothing");
    assert_eq!(told(&report, "wrong").len(), 1, "{report:#}");
}

#[tokio::test]
async fn a_database_on_postgres_is_examined_with_the_rights_of_a_reader() {
    let sound = Installation::start().await;
    let url = postern_pgtest::database().unwrap();
    let (_, report) = sound.examined(&[("POSTERN_DATABASE_URL", &url)], &[]).await;
    assert_tells(&told(&report, "wrong"), "database", "migrations");
    let mut migrate = command(sound.folder.path(), &["migrate"]);
    assert!(
        output(migrate.env("POSTERN_DATABASE_URL", &url))
            .await
            .status
            .success()
    );
    let (code, report) = sound.examined(&[("POSTERN_DATABASE_URL", &url)], &[]).await;
    assert_eq!(code, 0, "{report:#}");
    assert_tells(&told(&report, "ok"), "database", "PostgreSQL");
}

#[tokio::test]
async fn queues_that_lose_messages_or_bring_them_back_too_soon_are_warned_of() {
    let sound = Installation::start().await;
    let consumer = &sound.consumer;
    let jobs = consumer.client.set_queue_attributes().queue_url(&consumer.jobs);
    jobs.attributes(VisibilityTimeout, "5")
        .attributes(MessageRetentionPeriod, "3600")
        .send()
        .await
        .unwrap();
    let results = consumer
        .client
        .set_queue_attributes()
        .queue_url(&consumer.results);
    results.attributes(RedrivePolicy, "").send().await.unwrap();
    let (code, report) = sound.examined(&[], &[]).await;
    assert_eq!(code, 0, "a server runs with these: {report:#}");
    let warnings = told(&report, "warning");
    for words in [
        "postern-jobs: messages come again after 5 s",
        "postern-jobs: keeps tasks for 1 h, and jobs wait for 7 d",
        "postern-results: no dead-letter queue",
    ] {
        assert_tells(&warnings, "queues", words);
    }
}

#[tokio::test]
async fn an_issuer_of_another_name_and_a_clock_that_is_wrong_are_told() {
    let sound = Installation::start().await;
    let slash = format!("{}/", sound.issuer.url());
    let (code, report) = sound.examined(&[("POSTERN_ISSUER", &slash)], &[]).await;
    assert_eq!(code, 1);
    assert_tells(&told(&report, "wrong"), "issuer", "another issuer");

    let later = SystemTime::now() + Duration::from_hours(1);
    let url = dated_issuer(later).await;
    let (code, report) = sound.examined(&[("POSTERN_ISSUER", &url)], &[]).await;
    assert_eq!(code, 0, "{report:#}");
    assert_tells(&told(&report, "warning"), "clock", "s away");
}

#[tokio::test]
async fn a_server_behind_tls_is_asked_by_the_certificates_that_the_machine_trusts() {
    let sound = Installation::start().await;
    let url = tls_server().await;
    let (_, report) = sound.examined(&[], &["--server", &url]).await;
    assert_tells(&told(&report, "wrong"), "server", "certificate");

    let trusted = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/certificate.pem");
    let (code, report) = sound
        .examined(&[("SSL_CERT_FILE", trusted)], &["--server", &url])
        .await;
    assert_eq!(code, 0, "{report:#}");
    assert_tells(&told(&report, "ok"), "server", &url);
}

/// A server that serves, under a certificate of its own making.
async fn tls_server() -> String {
    let identity = Identity::from_pem(include_str!("tls/certificate.pem"), include_str!("tls/key.pem"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))
        .unwrap()
        .add_service(health);
    tokio::spawn(async move {
        server
            .serve_with_incoming(TcpIncoming::from(listener))
            .await
            .unwrap()
    });
    url
}

/// An issuer at which it is another time.
async fn dated_issuer(time: SystemTime) -> String {
    let key = postern_issuer::SigningKey::from_pem(include_str!("other-key.pem")).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let date = HeaderValue::from_str(&httpdate::fmt_http_date(time)).unwrap();
    let dated = map_response(move |mut response: Response| {
        response.headers_mut().insert("date", date.clone());
        std::future::ready(response)
    });
    let router = Issuer::with_key(&url, key).unwrap().router().layer(dated);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
