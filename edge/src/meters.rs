//! What an edge counts: requests by method, protocol and the class of their status, how long they took, and how many there are now.
//!
//! Nothing of it is a global: a registry is handed in, and an edge that was given none counts nothing. Labels are names of the descriptor
//! set and of this file, never a caller's. Knows nothing of what it counts.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// From half a millisecond to a minute.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Where an edge counts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meters {
    ended: Family<Ended, Counter>,
    answered: Family<Method, Histogram, fn() -> Histogram>,
    open: Family<[(&'static str, &'static str); 1], Gauge>,
    retries: Counter,
}

type Method = [(&'static str, Arc<str>); 1];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    method: Arc<str>,
    protocol: &'static str,
    status: &'static str,
}

/// A request that is open until this is dropped. Without an answer by then, its caller has left.
#[derive(Debug)]
pub(crate) struct Tally {
    meters: Meters,
    method: Arc<str>,
    protocol: &'static str,
    status: Option<StatusCode>,
}

impl Meters {
    /// Shown in this registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            ended: Family::default(),
            answered: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            open: Family::default(),
            retries: Counter::default(),
        };
        registry.register(
            "postern_edge_requests",
            "Requests that ended, by method, protocol and the class of their HTTP status",
            meters.ended.clone(),
        );
        registry.register_with_unit(
            "postern_edge_duration",
            "Time from a request's head until its answer's",
            Unit::Seconds,
            meters.answered.clone(),
        );
        registry.register(
            "postern_edge_in_flight",
            "Requests that are open, streams among them",
            meters.open.clone(),
        );
        registry.register(
            "postern_edge_retries",
            "Calls that broke off and were made once more",
            meters.retries.clone(),
        );
        meters
    }

    /// A request begins. `method` is the name of what it calls, or of what it is else.
    pub(crate) fn begin(&self, method: Arc<str>, protocol: &'static str) -> Tally {
        self.open.get_or_create(&[("protocol", protocol)]).inc();
        Tally {
            meters: self.clone(),
            method,
            protocol,
            status: None,
        }
    }

    /// A call is made once more.
    pub(crate) fn retried(&self) {
        self.retries.inc();
    }
}

impl Tally {
    /// Its answer begins, with this status.
    pub(crate) fn answered(&mut self, status: StatusCode, after: Duration) {
        self.status = Some(status);
        let labels = [("method", self.method.clone())];
        let answered = self.meters.answered.get_or_create(&labels);
        answered.observe(after.as_secs_f64());
    }

    /// What came behind its answer says better how it ended.
    pub(crate) const fn ended(&mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let open = self.meters.open.get_or_create(&[("protocol", self.protocol)]);
        open.dec();
        let labels = Ended {
            method: self.method.clone(),
            protocol: self.protocol,
            status: self.status.map_or("gone", class),
        };
        self.meters.ended.get_or_create(&labels).inc();
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 | 2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
