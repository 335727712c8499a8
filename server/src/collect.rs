//! Applies outcomes: queue to store.
//!
//! A message is deleted only after the commit that dealt with it, and one bad message never holds up its batch: what cannot be used is
//! quarantined, what cannot be applied yet comes again. Knows nothing of watchers; the store tells them.

mod reader;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::job::{Job, Timestamp};
use crate::listening::Listening;
use crate::meters::Collected;
use crate::queue::{self, Received, Results};
use crate::store::system::{Letter, Report, Unusable, Verdict};
use crate::store::{self, Store};

pub use reader::Reader;

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
        let mut backoff = Backoff::default();
        let mut held = Vec::new();
        while !shutdown.is_cancelled() {
            let Err(failure) = self.round(&mut held, &shutdown).await else {
                backoff.reset();
                continue;
            };
            tracing::warn!(
                error = &failure as &dyn std::error::Error,
                "outcomes could not be collected and come again"
            );
            tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Receives and settles. What the database could not take now is held until it can: received again and again while the database
    /// is away, good outcomes would become dead letters.
    async fn round(&self, held: &mut Vec<Received>, shutdown: &CancellationToken) -> Result<(), Failure> {
        if held.is_empty() {
            *held = tokio::select! {
                received = self.results.receive() => received?,
                // What SQS hands out to nobody now comes again after its visibility timeout.
                () = shutdown.cancelled() => return Ok(()),
            };
        }
        // What was sent before these has been received before them, roughly; before a reply without any, all.
        let oldest = held.iter().map(|message| message.sent).min();
        let result = self.settle(held).await;
        if result.is_ok() {
            let now = Timestamp::now();
            for sent in held.iter().filter_map(|message| message.sent) {
                self.meters.lagged(now.since(sent));
            }
            self.listening.collected(oldest.unwrap_or(Some(now)), now);
        }
        if !matches!(result, Err(Failure::Store(store::Error::Unavailable(_)))) {
            held.clear();
        }
        result
    }

    /// Deals with messages for good, then deletes those it dealt with.
    async fn settle(&self, messages: &[Received]) -> Result<(), Failure> {
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
        if settled.is_empty() {
            return Ok(());
        }
        // Not a failure to wait after: the others have nothing to do with it.
        match self.results.delete(&settled).await? {
            0 => {}
            count => tracing::warn!(
                count,
                "outcomes that were dealt with were not deleted and come again"
            ),
        }
        Ok(())
    }

    /// Applies all in one transaction; when that is refused, each in its own, so that one bad report stops no other. None for what comes
    /// again.
    async fn apply(&self, reports: &[Report], now: Timestamp) -> Result<Vec<Option<Verdict>>, Failure> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let retry = |job: &Job| self.reader.retry_policy(job);
        match self.store.system().apply(reports, &retry, now).await {
            Ok(verdicts) => return Ok(verdicts.into_iter().map(Some).collect()),
            Err(error @ store::Error::Unavailable(_)) => return Err(error.into()),
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
                Err(error @ store::Error::Unavailable(_)) => return Err(error.into()),
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

/// What kept messages from being dealt with; they come again.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Queue(#[from] queue::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
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
