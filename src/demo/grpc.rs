//! The demo's gRPC client: the generated one, through the edge, like any partner's.

use std::net::SocketAddr;

use anyhow::Context as _;
use postern_proto::postern::v1::job_service_client::JobServiceClient;
use postern_proto::postern::v1::{Job, SubmitJobRequest, WatchJobRequest};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as ProtoValue};
use serde_json::Value;
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;

use super::input::Import;
use super::timeline::Seen;

/// Talks gRPC. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Client {
    jobs: JobServiceClient<Channel>,
    authorization: AsciiMetadataValue,
}

impl Client {
    pub(super) async fn connect(edge: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let channel = Channel::from_shared(format!("http://{edge}"))?.connect().await?;
        Ok(Self {
            jobs: JobServiceClient::new(channel),
            authorization: format!("Bearer {token}").parse()?,
        })
    }

    /// Submits an import and tells of every state, until the last, which it returns.
    pub(super) async fn import(mut self, import: &Import, told: impl Fn(Seen)) -> anyhow::Result<Seen> {
        let request = SubmitJobRequest {
            job_type: "contacts.import".to_owned(),
            payload: Some(payload(&import.payload)?),
            request_id: import.reference.clone(),
            ..Default::default()
        };
        let submitted = self.jobs.submit_job(self.authorized(request)).await?.into_inner();
        let job_id = submitted.job.context("no job in the answer")?.job_id;
        let watch = self.authorized(WatchJobRequest {
            job_id,
            after_revision: None,
        });
        let mut states = self.jobs.watch_job(watch).await?.into_inner();
        let mut last = Seen::default();
        while let Some(state) = states.message().await? {
            last = seen(&state.job.context("no job in the stream")?);
            told(last.clone());
        }
        Ok(last)
    }

    fn authorized<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.authorization.clone());
        request
    }
}

fn seen(job: &Job) -> Seen {
    Seen {
        job_id: job.job_id.clone(),
        state: job.state().as_str_name().replace("JOB_STATE_", ""),
        revision: job.revision.into(),
        completed: job.progress.as_ref().map_or(0, |progress| {
            u64::try_from(progress.completed).unwrap_or_default()
        }),
        inserted: number(job.result.as_ref(), "inserted"),
        skipped: number(job.result.as_ref(), "skipped"),
        over: "gRPC",
    }
}

fn number(result: Option<&Struct>, name: &str) -> i64 {
    match result
        .and_then(|result| result.fields.get(name))
        .and_then(|value| value.kind.as_ref())
    {
        #[allow(clippy::cast_possible_truncation, reason = "a count of rows")]
        Some(Kind::NumberValue(number)) => *number as i64,
        _ => 0,
    }
}

fn payload(value: &Value) -> anyhow::Result<Struct> {
    match proto_value(value).kind {
        Some(Kind::StructValue(payload)) => Ok(payload),
        _ => anyhow::bail!("a payload is an object"),
    }
}

fn proto_value(value: &Value) -> ProtoValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.iter().map(proto_value).collect(),
        }),
        Value::Object(members) => Kind::StructValue(Struct {
            fields: members
                .iter()
                .map(|(name, value)| (name.clone(), proto_value(value)))
                .collect(),
        }),
    };
    ProtoValue { kind: Some(kind) }
}
