//! Calls of the API: how many, how they ended, how long they took, and how many there are now.

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{Label, SECONDS, counters};

/// Calls by method. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Calls {
    ended: Family<[(&'static str, Arc<str>); 2], Counter>,
    answered: Family<Method, Histogram, fn() -> Histogram>,
    open: Family<Method, Gauge>,
    refused: Family<Label, Counter>,
}

/// Why calls are not let in.
const REASONS: [&str; 5] = [
    "TOKEN_MISSING",
    "TOKEN_INVALID",
    "TOKEN_EXPIRED",
    "SCOPE_MISSING",
    "BACKEND_UNAVAILABLE",
];

type Method = [(&'static str, Arc<str>); 1];

/// A call that is open. One that is dropped before it has ended was broken off by its caller.
#[derive(Debug)]
pub struct Call {
    calls: Calls,
    method: Arc<str>,
    began: Instant,
    open: Gauge,
    code: Option<&'static str>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            ended: Family::default(),
            answered: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            open: Family::default(),
            refused: counters("reason", &REASONS),
        }
    }
}

impl Calls {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "postern_rpc_requests",
            "Calls that ended, by method and gRPC code",
            self.ended.clone(),
        );
        registry.register_with_unit(
            "postern_rpc_duration",
            "Time from a call until its answer began; a long poll waits as long as its caller asked",
            Unit::Seconds,
            self.answered.clone(),
        );
        registry.register(
            "postern_rpc_in_flight",
            "Calls that are open, streams among them",
            self.open.clone(),
        );
        registry.register(
            "postern_auth_refusals",
            "Calls that were not let in, by reason",
            self.refused.clone(),
        );
    }

    /// A call of a method begins.
    #[must_use]
    pub fn begin(&self, method: Arc<str>) -> Call {
        let open = self.open.get_or_create_owned(&[("method", Arc::clone(&method))]);
        open.inc();
        Call {
            calls: self.clone(),
            method,
            began: Instant::now(),
            open,
            code: None,
        }
    }

    /// A call was not let in.
    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }
}

impl Call {
    /// Its answer begins.
    pub fn answered(&self) {
        let labels = [("method", Arc::clone(&self.method))];
        let histogram = self.calls.answered.get_or_create_owned(&labels);
        histogram.observe(self.began.elapsed().as_secs_f64());
    }

    /// It has ended, with this code. What comes after counts no more.
    pub const fn end(&mut self, code: &'static str) {
        if self.code.is_none() {
            self.code = Some(code);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.open.dec();
        let code = self.code.unwrap_or("CANCELLED");
        let labels = [("method", Arc::clone(&self.method)), ("code", code.into())];
        self.calls.ended.get_or_create(&labels).inc();
    }
}
