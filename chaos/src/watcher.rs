//! Readers that are cut off whenever something dies: one follows single jobs over SSE with `Last-Event-ID`, another lists the newest again
//! and again. What they see goes into the ledger.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::RETRY_PAUSE;
use crate::door::{Answer, Door};
use crate::ledger::Ledger;
use crate::seen::Seen;
use crate::sse::Events;

/// A reader that hears nothing for so long hangs up and resumes.
const SILENCE_MAX: Duration = Duration::from_secs(5);
const LIST_PAUSE: Duration = Duration::from_millis(500);

/// Follows the jobs that it is given, one at a time, to their ends.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// Its way in.
    pub(crate) door: Door,
    /// Where it writes what it saw.
    pub(crate) ledger: Arc<Ledger>,
    /// The jobs.
    pub(crate) jobs: mpsc::Receiver<String>,
}

/// How a stream ended.
enum End {
    /// The job has ended.
    Done,
    /// Something died: to be resumed.
    Cut,
}

impl Watcher {
    /// Until nobody gives it jobs any more, or everybody gives up.
    pub(crate) async fn run(mut self, give_up: CancellationToken) {
        while let Some(job_id) = self.jobs.recv().await {
            tokio::select! {
                () = self.follow(&job_id) => {}
                () = give_up.cancelled() => {
                    self.ledger.violation(format!("the watch of {job_id} never ended"));
                    return;
                }
            }
        }
    }

    async fn follow(&self, job_id: &str) {
        let mut last: Option<Seen> = None;
        while let End::Cut = self.read(job_id, &mut last).await {
            sleep(RETRY_PAUSE).await;
        }
        if !last.as_ref().is_some_and(Seen::is_terminal) {
            self.ledger
                .violation(format!("the watch of {job_id} ended with {last:?}"));
        }
    }

    /// One connection.
    async fn read(&self, job_id: &str, last: &mut Option<Seen>) -> End {
        let mut request = self
            .door
            .open(&format!("/v1/jobs/{job_id}:watch"))
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.revision);
        }
        let Ok(Ok(response)) = timeout(SILENCE_MAX, request.send()).await else {
            return End::Cut;
        };
        match response.status() {
            StatusCode::OK => self.events(response, last).await,
            StatusCode::NO_CONTENT => End::Done,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => End::Cut,
            other => {
                self.ledger
                    .violation(format!("the watch of {job_id} was answered with {other}"));
                End::Done
            }
        }
    }

    async fn events(&self, response: Response, last: &mut Option<Seen>) -> End {
        let mut events = Events::new(response);
        // A stream that just ends was cut: its end has an event.
        while let Some(event) = events.next(SILENCE_MAX).await {
            match event.kind.as_deref() {
                Some("done") => return End::Done,
                Some(_) => return End::Cut,
                None => self.event(&event.data, last),
            }
        }
        End::Cut
    }

    fn event(&self, job: &Value, last: &mut Option<Seen>) {
        match Seen::from_json(job) {
            Ok(seen) => {
                self.ledger.saw(&seen);
                if let Some(last) = last.as_ref().filter(|last| last.revision > seen.revision) {
                    self.ledger
                        .violation(format!("a watch went back from {last:?} to {seen:?}"));
                }
                *last = Some(seen);
            }
            Err(error) => self.ledger.violation(format!("a watch said {error}")),
        }
    }
}

/// Lists a partner's newest jobs until it is to stop.
pub(crate) async fn list(door: Door, ledger: Arc<Ledger>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match door.read("/v1/jobs?pageSize=200").await {
            Answer::Done(page) => see_all(&page, &ledger),
            Answer::Refused(reason) => ledger.violation(format!("a list was refused: {reason}")),
            Answer::Unknown => {}
        }
        sleep(LIST_PAUSE).await;
    }
}

fn see_all(page: &Value, ledger: &Ledger) {
    for job in page["jobs"].as_array().into_iter().flatten() {
        match Seen::from_json(job) {
            Ok(seen) => ledger.saw(&seen),
            Err(error) => ledger.violation(format!("a list said {error}")),
        }
    }
}
