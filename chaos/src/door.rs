//! The way into an installation, over REST and gRPC, through any of its edges. What comes back is told apart once: a job, a refusal, or
//! nothing that anybody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use postern_issuer::Issuer;
use postern_proto::google::rpc::{ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1::SubmitJobRequest;
use postern_proto::postern::v1::job_service_client::JobServiceClient;
use prost::{Message as _, Name as _};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as ProtoValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::order::Order;
use crate::seen::Seen;

/// Longer than a campaign.
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);
/// A call that nobody has answered by then is made again.
const CALL_MAX: Duration = Duration::from_secs(10);
const JOB_TYPE: &str = "contacts.import";

/// One partner's way in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    http: reqwest::Client,
    edges: Arc<[String]>,
    channels: Arc<[Channel]>,
    /// Calls take the edges in turn: that is a client's whole answer to one that is down.
    turn: Arc<AtomicUsize>,
    token: Arc<str>,
    authorization: AsciiMetadataValue,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// It was done.
    Done(T),
    /// It was refused, with the reason in the error's details.
    Refused(String),
    /// Nobody knows: it is to be made again.
    Unknown,
}

impl Door {
    /// A door for this partner.
    ///
    /// # Errors
    /// When the partner has no token, or a client cannot be made.
    pub(crate) fn new(edges: &[String], issuer: &Issuer, partner: &str) -> anyhow::Result<Self> {
        let token = issuer.token(partner, None, TOKEN_LIFETIME)?;
        let channel = |edge: &String| {
            Ok(Endpoint::from_shared(edge.clone())?
                .timeout(CALL_MAX)
                .connect_lazy())
        };
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            edges: edges.into(),
            channels: edges.iter().map(channel).collect::<anyhow::Result<_>>()?,
            turn: Arc::default(),
            authorization: format!("Bearer {token}").parse()?,
            token: token.into(),
        })
    }

    /// Submits once, the way that the order wants.
    pub(crate) async fn submit(&self, order: &Order) -> Answer<Seen> {
        if order.is_grpc {
            return self.submit_grpc(order).await;
        }
        let body = json!({"jobType": JOB_TYPE, "payload": order.payload(), "requestId": order.request_id});
        self.job(self.request(Method::POST, "/v1/jobs").json(&body)).await
    }

    /// Asks for the cancellation of a job.
    pub(crate) async fn cancel(&self, job_id: &str) -> Answer<Seen> {
        let path = format!("/v1/jobs/{job_id}:cancel");
        self.job(self.request(Method::POST, &path).json(&json!({}))).await
    }

    /// Submits a job again that has failed.
    pub(crate) async fn retry(&self, job_id: &str) -> Answer<Seen> {
        let path = format!("/v1/jobs/{job_id}:retry");
        self.job(self.request(Method::POST, &path).json(&json!({}))).await
    }

    /// A job as it is.
    pub(crate) async fn get(&self, job_id: &str) -> Answer<Seen> {
        let path = format!("/v1/jobs/{job_id}");
        self.job(self.request(Method::GET, &path)).await
    }

    /// What a GET of this path answers.
    pub(crate) async fn read(&self, path: &str) -> Answer<Value> {
        call(self.request(Method::GET, path)).await
    }

    /// A request that takes as long as it likes.
    pub(crate) fn open(&self, path: &str) -> RequestBuilder {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let edge = &self.edges[turn % self.edges.len()];
        self.http.get(format!("{edge}{path}")).bearer_auth(&self.token)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let edge = &self.edges[turn % self.edges.len()];
        self.http
            .request(method, format!("{edge}{path}"))
            .bearer_auth(&self.token)
            .timeout(CALL_MAX)
    }

    async fn job(&self, request: RequestBuilder) -> Answer<Seen> {
        match call(request).await {
            Answer::Done(job) => match Seen::from_json(&job) {
                Ok(seen) => Answer::Done(seen),
                Err(error) => Answer::Refused(error.to_string()),
            },
            Answer::Refused(reason) => Answer::Refused(reason),
            Answer::Unknown => Answer::Unknown,
        }
    }

    async fn submit_grpc(&self, order: &Order) -> Answer<Seen> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut client = JobServiceClient::new(self.channels[turn % self.channels.len()].clone());
        let mut request = Request::new(SubmitJobRequest {
            job_type: JOB_TYPE.to_owned(),
            payload: Some(to_struct(order.payload())),
            request_id: order.request_id.clone(),
            ..SubmitJobRequest::default()
        });
        request
            .metadata_mut()
            .insert("authorization", self.authorization.clone());
        match client.submit_job(request).await {
            Ok(reply) => match reply.into_inner().job {
                Some(job) => Answer::Done(Seen::from_proto(&job)),
                None => Answer::Refused("an answer without a job".to_owned()),
            },
            Err(status) => refusal(&status),
        }
    }
}

/// What an answer over REST says. An internal error is a refusal like any other: whatever is killed, nobody must see one.
async fn call(request: RequestBuilder) -> Answer<Value> {
    let Ok(response) = request.send().await else {
        return Answer::Unknown;
    };
    let status = response.status();
    let Ok(text) = response.text().await else {
        return Answer::Unknown;
    };
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if status.is_success() {
        return Answer::Done(body);
    }
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Answer::Unknown,
        _ => Answer::Refused(match body["error"]["details"][0]["reason"].as_str() {
            Some(reason) => reason.to_owned(),
            None => format!("{status} {body}"),
        }),
    }
}

/// The same for gRPC: what the service says has details, and what the way to it says has none.
fn refusal(status: &Status) -> Answer<Seen> {
    match (status.code(), reason(status)) {
        (Code::Unavailable | Code::DeadlineExceeded, _) | (_, Err(_)) => Answer::Unknown,
        (_, Ok(reason)) => Answer::Refused(reason),
    }
}

fn reason(status: &Status) -> anyhow::Result<String> {
    let details = RpcStatus::decode(status.details())?.details;
    let info = details
        .iter()
        .find(|any| any.type_url.ends_with(&ErrorInfo::full_name()))
        .context("no ErrorInfo")?;
    Ok(ErrorInfo::decode(info.value.as_slice())?.reason)
}

/// A payload of ours: objects, lists and text are all that it has.
fn to_struct(payload: Value) -> Struct {
    match to_proto(payload).kind {
        Some(Kind::StructValue(payload)) => payload,
        _ => Struct::default(),
    }
}

fn to_proto(value: Value) -> ProtoValue {
    let kind = match value {
        Value::Object(members) => Kind::StructValue(Struct {
            fields: members
                .into_iter()
                .map(|(name, value)| (name, to_proto(value)))
                .collect(),
        }),
        Value::Array(elements) => Kind::ListValue(ListValue {
            values: elements.into_iter().map(to_proto).collect(),
        }),
        Value::String(text) => Kind::StringValue(text),
        Value::Bool(value) => Kind::BoolValue(value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::Null => Kind::NullValue(0),
    };
    ProtoValue { kind: Some(kind) }
}
