//! What transactions cost before they can do anything.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::SECONDS;

/// Transactions of the database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transactions {
    begin: Histogram,
    again: Counter,
}

impl Default for Transactions {
    fn default() -> Self {
        Self {
            begin: Histogram::new(SECONDS),
            again: Counter::default(),
        }
    }
}

impl Transactions {
    /// Shows them in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "postern_store_begin_duration",
            "Time until a writing transaction had a connection, and on SQLite the lock of the one writer",
            Unit::Seconds,
            self.begin.clone(),
        );
        registry.register(
            "postern_store_again",
            "Transactions that gave way to another and were done again",
            self.again.clone(),
        );
    }

    /// One began after so long.
    pub fn began(&self, wait: Duration) {
        self.begin.observe(wait.as_secs_f64());
    }

    /// One gave way to another.
    pub fn gave_way(&self) {
        self.again.inc();
    }
}
