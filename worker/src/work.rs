//! The server's work service (`proto/postern/work/v1/work_service.proto`), as REST through an edge: is a task still wanted, and its execution is
//! alive. Nothing depends on it: whoever calls it goes on without an answer.

mod client;
mod pulse;
mod tokens;

use std::time::SystemTime;

use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
use serde::{Deserialize, Serialize};

use client::Client;

pub(crate) use client::InvalidUrl;
pub(crate) use pulse::{Begun, Pulse};
pub(crate) use tokens::SharedTokens;
pub use tokens::{ClientCredentials, Tokens};

/// Where the work service is, and what it is called with.
#[derive(Debug)]
pub(crate) struct WorkService {
    client: Client,
    begin_url: String,
    heartbeat_url: String,
    tokens: SharedTokens,
}

/// An execution, as the server knows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Execution<'a> {
    outcome_token: &'a str,
    attempt: u32,
}

/// What the server answers to both calls; `cancelRequested` comes with heartbeats alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    decision: Decision,
    deadline: Option<String>,
    #[serde(default)]
    cancel_requested: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Decision {
    #[serde(rename = "DECISION_GO")]
    Go,
    #[serde(rename = "DECISION_CANCELLED")]
    Cancelled,
    #[serde(rename = "DECISION_SUPERSEDED")]
    Superseded,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no token: {0}")]
    NoToken(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Call(#[from] client::Failed),
    #[error("status {0}")]
    Status(u16),
    #[error("an answer that is none of this service")]
    Unreadable,
}

impl WorkService {
    /// The service behind this URL of an edge.
    pub(crate) fn new(edge_url: &str, tokens: SharedTokens) -> Result<Self, InvalidUrl> {
        let base = edge_url.trim_end_matches('/');
        client::check(base)?;
        Ok(Self {
            client: Client::new(),
            begin_url: format!("{base}/v1/work/tasks:begin"),
            heartbeat_url: format!("{base}/v1/work/tasks:heartbeat"),
            tokens,
        })
    }

    async fn begin(&self, execution: &Execution<'_>) -> Result<Answer, Failed> {
        self.call(&self.begin_url, execution).await
    }

    async fn heartbeat(&self, execution: &Execution<'_>) -> Result<Answer, Failed> {
        self.call(&self.heartbeat_url, execution).await
    }

    async fn call(&self, url: &str, execution: &Execution<'_>) -> Result<Answer, Failed> {
        let token = self.tokens.token().await.map_err(Failed::NoToken)?;
        let body = serde_json::to_string(execution).expect("text and a number");
        let authorization = format!("Bearer {token}");
        let (status, body) = self
            .client
            .post(
                url,
                "application/json",
                &[("authorization", &authorization)],
                body,
            )
            .await?;
        match status {
            200 => serde_json::from_slice(&body).map_err(|_unreadable| Failed::Unreadable),
            401 => {
                self.tokens.refused(&token);
                Err(Failed::Status(status))
            }
            other => Err(Failed::Status(other)),
        }
    }
}

impl Answer {
    fn deadline(&self) -> Option<SystemTime> {
        let time = DateTime::from_str(self.deadline.as_deref()?, DateTimeFormat::DateTime).ok()?;
        SystemTime::try_from(time).ok()
    }
}
