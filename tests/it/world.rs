//! A stack of its own for every test, and clients that speak to it as partners do.

use std::path::Path;
use std::time::Duration;

use postern::config::{Config, Settings};
use postern::stack::Stack;
use postern_proto::google::rpc::{BadRequest, ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1::job_service_client::JobServiceClient;
use prost::{Message as _, Name};
use serde_json::{Value, json};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;

use crate::consumer::Consumer;

/// Long enough for anything that happens at all.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running stack without a consumer: tests are the consumer.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) config: Config,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        change(&mut settings);
        let config = Config::from_settings(settings).unwrap();
        let stack = Box::pin(Stack::start(&config, false)).await.unwrap();
        Self {
            stack,
            config,
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.stack.addresses.edge)
    }

    pub(crate) fn token(&self, client: &str) -> String {
        self.stack
            .issuer
            .token(client, None, Duration::from_hours(1))
            .unwrap()
    }

    pub(crate) fn rest(&self, partner: &str) -> Rest {
        Rest::new(&self.url(""), &self.token(partner))
    }

    /// A generated client, through the edge.
    pub(crate) async fn grpc(&self, partner: &str) -> Grpc {
        Grpc::connect(self.stack.addresses.edge, &self.token(partner)).await
    }

    pub(crate) async fn consumer(&self) -> Consumer {
        Consumer::connect(&self.stack.addresses.sqs).await
    }

    /// The first column of what the database answers, asked past the server.
    pub(crate) async fn sql(&self, statement: &'static str) -> Vec<String> {
        use sqlx::{Connection as _, Row as _};
        let url = format!("sqlite:{}", self.folder().join("postern.sqlite").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Stops the stack. A test that left outcomes behind which nobody could deal with fails here.
    pub(crate) async fn stop(self) {
        self.consumer().await.settled().await;
        self.stack.stop().await.unwrap();
    }
}

/// Free ports and a folder of its own.
pub(crate) fn settings(folder: &Path) -> Settings {
    let any = || Some("127.0.0.1:0".to_owned());
    Settings {
        edge_listen: any(),
        grpc_listen: any(),
        sqs_listen: any(),
        admin_listen: any(),
        data_dir: Some(folder.to_str().unwrap().to_owned()),
        ..Settings::default()
    }
}

pub(crate) fn install_crypto() {
    // The second test of a process finds it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(SOON * 4)
        .build()
        .unwrap()
}

/// A payload that fits `contacts.import`.
pub(crate) fn payload(reference: &str) -> Value {
    json!({"account": "a1", "reference": reference, "contacts": [{"email": "x@example.com", "name": "X"}]})
}

/// A request that is accepted.
pub(crate) fn request(reference: &str) -> Value {
    json!({"jobType": "contacts.import", "payload": payload(reference)})
}

/// A REST client with a token.
#[derive(Clone)]
pub(crate) struct Rest {
    pub(crate) http: reqwest::Client,
    base: String,
    token: String,
}

/// What REST answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Rest {
    /// Through the edge at this URL.
    pub(crate) fn new(base: &str, token: &str) -> Self {
        Self {
            http: http(),
            base: base.to_owned(),
            token: token.to_owned(),
        }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::read(self.request(reqwest::Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::read(self.request(reqwest::Method::POST, path).json(body)).await
    }

    /// Submits and returns the job.
    pub(crate) async fn submit(&self, body: &Value) -> Value {
        let answer = self.post("/v1/jobs", body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body
    }

    /// The job once it is in this state.
    pub(crate) async fn until(&self, job_id: &str, state: &str) -> Value {
        let mut after = 0;
        loop {
            let job = self
                .get(&format!("/v1/jobs/{job_id}?wait=20s&afterRevision={after}"))
                .await
                .body;
            if job["state"] == state {
                return job;
            }
            let revision = job["revision"]
                .as_i64()
                .unwrap_or_else(|| panic!("no job: {job}"));
            assert!(revision > after, "the job stays {job}");
            after = revision;
        }
    }
}

impl Answer {
    pub(crate) async fn read(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The reason in an error's details.
    pub(crate) fn reason(&self) -> &str {
        self.body["error"]["details"][0]["reason"]
            .as_str()
            .unwrap_or_else(|| panic!("no reason in {}", self.body))
    }

    /// (field, reason) of every violation.
    pub(crate) fn violations(&self) -> Vec<(String, String)> {
        let details = self.body["error"]["details"].as_array().unwrap();
        let violations = details
            .iter()
            .find_map(|detail| detail["fieldViolations"].as_array())
            .cloned()
            .unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        violations
            .iter()
            .map(|violation| (text(&violation["field"]), text(&violation["reason"])))
            .collect()
    }
}

/// The generated gRPC client with a token.
#[derive(Clone)]
pub(crate) struct Grpc {
    pub(crate) channel: Channel,
    pub(crate) jobs: JobServiceClient<Channel>,
    authorization: AsciiMetadataValue,
}

impl Grpc {
    pub(crate) async fn connect(address: std::net::SocketAddr, token: &str) -> Self {
        let channel = Channel::from_shared(format!("http://{address}"))
            .unwrap()
            .connect()
            .await
            .unwrap();
        Self {
            jobs: JobServiceClient::new(channel.clone()),
            channel,
            authorization: format!("Bearer {token}").parse().unwrap(),
        }
    }

    pub(crate) fn ask<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.authorization.clone());
        request
    }
}

/// A detail of a gRPC status.
pub(crate) fn detail<M: Name + Default>(status: &tonic::Status) -> Option<M> {
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let found = details
        .iter()
        .find(|any| any.type_url.ends_with(&M::full_name()))?;
    Some(M::decode(found.value.as_slice()).unwrap())
}

/// The reason in a gRPC status' details.
pub(crate) fn reason(status: &tonic::Status) -> String {
    let info: ErrorInfo = detail(status).unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "postern");
    info.reason
}

/// (field, reason) of every violation in a gRPC status.
pub(crate) fn violations(status: &tonic::Status) -> Vec<(String, String)> {
    let bad: BadRequest = detail(status).unwrap_or_default();
    bad.field_violations
        .into_iter()
        .map(|violation| (violation.field, violation.reason))
        .collect()
}
