//! The demo's REST client: a token, a job, and its states as server-sent events.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::input::Import;
use super::timeline::Seen;

/// Talks JSON over HTTP, like any legacy partner.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    /// Gets a token of the development issuer, as the partner acme.
    pub(super) async fn connect(edge: SocketAddr) -> anyhow::Result<Self> {
        let (http, base) = (
            reqwest::Client::builder().no_proxy().build()?,
            format!("http://{edge}"),
        );
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "acme"),
            ("client_secret", "acme-secret"),
        ];
        let reply: Value = http
            .post(format!("{base}/oauth2/token"))
            .form(&form)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let token = reply["access_token"]
            .as_str()
            .context("no token in the issuer's answer")?
            .to_owned();
        Ok(Self { http, base, token })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Submits an import and tells of every state, until the last, which it returns.
    pub(super) async fn import(&self, import: &Import, told: impl Fn(Seen)) -> anyhow::Result<Seen> {
        let reply = self
            .http
            .post(format!("{}/v1/jobs", self.base))
            .bearer_auth(&self.token)
            .header("idempotency-key", &import.reference)
            .json(&json!({"jobType": "contacts.import", "payload": import.payload}))
            .send()
            .await?;
        let (status, location) = (reply.status(), reply.headers().get("location").cloned());
        let body: Value = reply.json().await?;
        ensure!(
            status == 202,
            "submitting {} was answered with {status}: {body}",
            import.account
        );
        let location = location.context("no location")?;
        self.watch(location.to_str()?, told).await
    }

    /// Follows the job at this path over SSE (WHATWG HTML, server-sent events).
    async fn watch(&self, path: &str, told: impl Fn(Seen)) -> anyhow::Result<Seen> {
        let url = format!("{}{path}:watch", self.base);
        let reply = self
            .http
            .get(url)
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream")
            .send()
            .await?;
        let mut chunks = reply.error_for_status()?.bytes_stream();
        let (mut buffer, mut last) = (Vec::new(), Seen::default());
        while let Some(chunk) = chunks.next().await {
            buffer.extend_from_slice(&chunk?);
            while let Some(end) = buffer.windows(2).position(|window| window == b"\n\n") {
                let event: Vec<u8> = buffer.drain(..end + 2).collect();
                match read_event(std::str::from_utf8(&event)?)? {
                    Event::Message(seen) => {
                        last = seen.clone();
                        told(seen);
                    }
                    Event::Done => return Ok(last),
                    Event::Other => {}
                }
            }
        }
        anyhow::bail!("the stream ended without a word")
    }
}

enum Event {
    Message(Seen),
    Done,
    /// A comment, or the `retry:` at the start.
    Other,
}

fn read_event(text: &str) -> anyhow::Result<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    match (field("event: "), field("data: ")) {
        (Some("done"), _) => Ok(Event::Done),
        (Some(other), data) => anyhow::bail!("the stream ended with {other}: {}", data.unwrap_or_default()),
        (None, Some(data)) => Ok(Event::Message(seen(&serde_json::from_str(data)?))),
        (None, None) => Ok(Event::Other),
    }
}

fn seen(job: &Value) -> Seen {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Seen {
        job_id: text(&job["jobId"]),
        state: text(&job["state"]).replace("JOB_STATE_", ""),
        revision: job["revision"].as_i64().unwrap_or_default(),
        completed: job["progress"]["completed"].as_u64().unwrap_or_default(),
        inserted: job["result"]["inserted"].as_i64().unwrap_or_default(),
        skipped: job["result"]["skipped"].as_i64().unwrap_or_default(),
        over: "REST",
    }
}
