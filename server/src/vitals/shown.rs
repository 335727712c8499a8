//! The last reading as metrics, and what can be told at once.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Reading, Role, Vitals};
use crate::job::Timestamp;

/// Metrics of how things stand.
#[derive(Debug)]
pub(super) struct Shown(pub(super) Vitals);

/// A sample: its labels, and its value.
type Sample<'a, const N: usize, T> = ([(&'static str, &'a str); N], T);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.pools(&mut encoder)?;
        let watched = i64::try_from(self.0.0.hub.watched()).unwrap_or(i64::MAX);
        let help = "Jobs, and partners, whose changes somebody waits for";
        gauge(&mut encoder, "postern_hub_watched", help, [([], watched)])?;
        match self.0.last() {
            Some(reading) => read(&mut encoder, &reading),
            None => Ok(()),
        }
    }
}

impl Shown {
    fn pools(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let pools = self.0.0.store.pools();
        let connections = pools.iter().flat_map(|pool| {
            [("used", pool.open.saturating_sub(pool.idle)), ("idle", pool.idle)]
                .map(|(state, count)| ([("pool", pool.name), ("state", state)], i64::from(count)))
        });
        let help = "Connections to the database";
        gauge(encoder, "postern_store_connections", help, connections)?;
        let limits = pools
            .iter()
            .map(|pool| ([("pool", pool.name)], i64::from(pool.max)));
        let help = "How many of them there may be";
        gauge(encoder, "postern_store_connections_max", help, limits)
    }
}

fn read(encoder: &mut DescriptorEncoder<'_>, reading: &Reading) -> fmt::Result {
    let help = "When this was last read, since the Unix epoch";
    let time = seconds(reading.time);
    gauge(encoder, "postern_vitals_timestamp_seconds", help, [([], time)])?;
    if !reading.is_fresh() {
        return Ok(());
    }
    jobs(encoder, reading)?;
    queues(encoder, reading)?;
    let help = "Messages that could not be used";
    let quarantined = i64::try_from(reading.standing.quarantined).unwrap_or(i64::MAX);
    gauge(encoder, "postern_quarantined_messages", help, [([], quarantined)])?;
    let help = "What came too late for its job, since the database was made";
    let anomalies = encoder.encode_descriptor("postern_anomalies", help, None, MetricType::Counter)?;
    ConstCounter::new(reading.standing.anomalies).encode(anomalies)
}

fn jobs(encoder: &mut DescriptorEncoder<'_>, reading: &Reading) -> fmt::Result {
    let counts = reading.standing.types.iter().flat_map(|of_type| {
        [
            ("unsent", of_type.unsent),
            ("not_started", of_type.not_started),
            ("running", of_type.running),
            ("overdue", of_type.overdue),
            ("held", of_type.held),
        ]
        .map(|(condition, count)| {
            (
                [("job_type", &*of_type.job_type), ("condition", condition)],
                count,
            )
        })
    });
    let help = "Jobs that have not ended, by condition; one may be in several";
    gauge(encoder, "postern_jobs", help, counts)?;
    let oldest = reading.standing.types.iter().flat_map(|of_type| {
        let of_condition = |(condition, millis): (&'static str, Option<i64>)| {
            let time = seconds(Timestamp::from_millis(millis?));
            Some(([("job_type", &*of_type.job_type), ("condition", condition)], time))
        };
        [
            ("unsent", of_type.oldest_unsent_millis),
            ("not_started", of_type.oldest_not_started_millis),
        ]
        .into_iter()
        .filter_map(of_condition)
    });
    let help = "Since when the oldest of them has been late, or has waited; none where there is none";
    gauge(encoder, "postern_jobs_oldest_timestamp_seconds", help, oldest)
}

fn queues(encoder: &mut DescriptorEncoder<'_>, reading: &Reading) -> fmt::Result {
    let up = reading
        .queues
        .iter()
        .map(|queue| ([("queue", &*queue.name)], i64::from(queue.depth.is_ok())));
    let help = "Whether a queue could be read";
    gauge(encoder, "postern_queue_up", help, up)?;
    let read = || {
        let queues = reading.queues.iter();
        queues.filter_map(|queue| Some((queue, queue.depth.as_ref().ok()?)))
    };
    let messages = read().flat_map(|(queue, depth)| {
        let role = match queue.role {
            Role::Tasks => "tasks",
            Role::Outcomes => "outcomes",
        };
        [
            ("visible", depth.visible),
            ("in_flight", depth.in_flight),
            ("delayed", depth.delayed),
        ]
        .map(|(state, count)| ([("queue", &*queue.name), ("role", role), ("state", state)], count))
    });
    let help = "Messages in a queue, roughly";
    gauge(encoder, "postern_queue_messages", help, messages)?;
    let dead =
        read().filter_map(|(queue, depth)| Some(([("queue", &*queue.name)], depth.dead.as_ref()?.messages)));
    let help = "Messages in the dead-letter queue of a queue, roughly";
    gauge(encoder, "postern_queue_dead_letters", help, dead)
}

fn gauge<'a, const N: usize, T>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = Sample<'a, N, T>>,
) -> fmt::Result
where
    ConstGauge<T>: EncodeMetric,
{
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return Ok(());
    }
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in samples {
        ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds are exact for longer than anything runs"
)]
fn seconds(time: Timestamp) -> f64 {
    time.millis() as f64 / 1e3
}
