//! Applies outcomes: queue to store.
//!
//! A message is deleted only after the commit that dealt with it, and one bad message never holds up its batch: what cannot be used is
//! quarantined, what cannot be applied yet comes again. Several receive while much comes, and what they bring is applied together. Knows nothing of watchers; the store tells them.

mod deletions;
mod reader;
mod receivers;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::job::{Job, Timestamp};
use crate::listening::Listening;
use crate::meters::Collected;
use crate::queue::{Received, Results};
use crate::store::system::{Letter, Report, Unusable, Verdict};
use crate::store::{self, Store};

pub use reader::Reader;

use deletions::Deletions;
use receivers::{Batch, RECEIVERS_MAX, Receivers};

/// An outcome of a job that is not there may be faster than the job on its way to a replica; after this time it never comes.
const JOB_UNKNOWN_MAX: Duration = Duration::from_mins(1);

/// The loop that applies outcomes.
#[derive(Debug)]
pub struct Collect {
    /// Where jobs are.
    pub store: Store,
    /// Where outcomes come from.
    pub results: Results,
    /// What tells outcomes from what cannot be used.
    pub reader: Reader,
    /// Who is told how far outcomes have been collected.
    pub listening: Listening,
    /// What is counted of it.
    pub meters: Collected,
}

impl Collect {
    /// Applies outcomes until it is told to stop; what was received by then is finished first.
    pub async fn run(self, shutdown: CancellationToken) {
        let (batches, received) = mpsc::channel(RECEIVERS_MAX);
        let receivers = Receivers::new(self.results.clone(), batches, shutdown.clone());
        tokio::join!(receivers.run(), self.settle_all(received, shutdown));
    }

    /// Settles what the receivers bring, as much as there is at a time, until they end.
    async fn settle_all(&self, mut received: mpsc::Receiver<Batch>, shutdown: CancellationToken) {
        let mut deletions = Deletions::new(self.results.clone());
        loop {
            let mut batches = Vec::new();
            tokio::select! {
                count = received.recv_many(&mut batches, RECEIVERS_MAX) => if count == 0 {
                    break;
                },
                () = deletions.due() => deletions.rest().await,
            }
            let waited = batches.iter().map(|batch| batch.waited).min();
            if let Some(waited) = waited {
                let messages: Vec<_> = batches.into_iter().flat_map(|batch| batch.messages).collect();
                let receipts = self.settle_once(&messages, &shutdown).await;
                deletions.add(receipts, waited).await;
            }
        }
        deletions.rest().await;
    }

    /// Settles messages, and tells which are to be deleted. What the database could not take now is held until it can: received again and
    /// again while the database is away, good outcomes would become dead letters.
    async fn settle_once(&self, messages: &[Received], shutdown: &CancellationToken) -> Vec<String> {
        let mut backoff = Backoff::default();
        loop {
            let failure = match self.settle(messages).await {
                Ok(receipts) => {
                    self.tell(messages);
                    return receipts;
                }
                Err(failure) => failure,
            };
            tracing::warn!(
                error = &failure as &dyn std::error::Error,
                "outcomes could not be collected and come again"
            );
            tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = shutdown.cancelled() => return Vec::new(),
            }
            if !matches!(failure, store::Error::Unavailable(_)) {
                return Vec::new();
            }
        }
    }

    /// Tells that these are dealt with.
    fn tell(&self, messages: &[Received]) {
        let now = Timestamp::now();
        for sent in messages.iter().filter_map(|message| message.sent) {
            self.meters.lagged(now.since(sent));
        }
        // What was sent before these has been received before them, roughly; before a reply without any, all.
        let oldest = messages.iter().map(|message| message.sent).min();
        self.listening.collected(oldest.unwrap_or(Some(now)), now);
    }

    /// Deals with messages for good. The receipts of those that it dealt with.
    async fn settle(&self, messages: &[Received]) -> Result<Vec<String>, store::Error> {
        let now = Timestamp::now();
        let (mut reports, mut quarantined, mut settled) = (Vec::new(), Vec::new(), Vec::new());
        for message in messages {
            match self.reader.read(letter(message)) {
                Ok(report) => reports.push((report, message)),
                Err(unusable) => quarantined.push((unusable, message)),
            }
        }
        let (reports, told_by): (Vec<_>, Vec<_>) = reports.into_iter().unzip();
        let verdicts = self.apply(&reports, now).await?;
        for ((report, message), verdict) in reports.iter().zip(told_by).zip(verdicts) {
            match verdict {
                Some(Verdict::Settled) => settled.push(message.receipt.clone()),
                Some(Verdict::JobUnknown) if is_young(message, now) => self.meters.early(1),
                Some(Verdict::JobUnknown) => quarantined.push((report.without_job(), message)),
                None => {}
            }
        }
        self.meters.settled(settled.len());
        self.meters.quarantined(quarantined.len());
        settled.extend(self.quarantine(quarantined, now).await?);
        Ok(settled)
    }

    /// Applies all in one transaction; when that is refused, each in its own, so that one bad report stops no other. None for what comes
    /// again.
    async fn apply(&self, reports: &[Report], now: Timestamp) -> Result<Vec<Option<Verdict>>, store::Error> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let retry = |job: &Job| self.reader.retry_policy(job);
        match self.store.system().apply(reports, &retry, now).await {
            Ok(verdicts) => return Ok(verdicts.into_iter().map(Some).collect()),
            Err(error @ store::Error::Unavailable(_)) => return Err(error),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a batch of outcomes is applied one by one"
            ),
        }
        let mut applied = Vec::new();
        for report in reports {
            match self
                .store
                .system()
                .apply(std::slice::from_ref(report), &retry, now)
                .await
            {
                Ok(verdicts) => applied.extend(verdicts.into_iter().map(Some)),
                Err(error @ store::Error::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(job.id = %report.job, error = &error as &dyn std::error::Error, "an outcome could not be applied and comes again");
                    applied.push(None);
                }
            }
        }
        Ok(applied)
    }

    async fn quarantine(
        &self,
        messages: Vec<(Unusable, &Received)>,
        now: Timestamp,
    ) -> Result<Vec<String>, store::Error> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        for (unusable, message) in &messages {
            tracing::warn!(
                message.id = message.message_id,
                reason = unusable.reason,
                "a message of the results queue is quarantined"
            );
        }
        let (unusable, messages): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        self.store.system().quarantine(&unusable, now).await?;
        Ok(messages
            .into_iter()
            .map(|message| message.receipt.clone())
            .collect())
    }
}

fn letter(message: &Received) -> Letter {
    Letter {
        message_id: message.message_id.clone(),
        body: message.body.clone(),
    }
}

fn is_young(message: &Received, now: Timestamp) -> bool {
    message.sent.is_some_and(|sent| now.since(sent) < JOB_UNKNOWN_MAX)
}
