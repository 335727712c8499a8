//! What the server counts of its own doing, for whoever watches it. Each loop has its own; a registry that is handed in shows all of them.
//!
//! Cheap to clone, and it costs next to nothing where no registry asks. Knows nothing of what is counted: how things stand is read by
//! `vitals`. Labels have few values, all known beforehand: no id, no name that a caller chose.

mod calls;
mod loops;
mod requests;
mod transactions;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub use calls::{Call, Calls};
pub use loops::{Collected, Dispatched, Swept};
pub use requests::Requests;
pub use transactions::Transactions;

/// All that is counted.
#[derive(Debug, Clone, Default)]
pub struct Meters {
    /// Calls at the door.
    pub calls: Calls,
    /// Tasks on their way to the queue.
    pub dispatched: Dispatched,
    /// Outcomes on their way from it.
    pub collected: Collected,
    /// What nobody told of.
    pub swept: Swept,
}

/// One label: its name, and its value.
type Label = [(&'static str, &'static str); 1];

impl Meters {
    /// Shows all of it in a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.calls.register(registry);
        self.dispatched.register(registry);
        self.collected.register(registry);
        self.swept.register(registry);
    }
}

/// From a millisecond to a minute: what takes longer is looked into by other means.
const SECONDS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// From a hundredth of a second to a day: how long something lay somewhere.
const WAITS: [f64; 13] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 14_400.0, 86_400.0,
];

/// Counters that are there from the start: what comes out of nothing is no increase to Prometheus.
fn counters(name: &'static str, values: &[&'static str]) -> Family<Label, Counter> {
    let family = Family::default();
    for value in values {
        drop(family.get_or_create(&[(name, *value)]));
    }
    family
}

/// A count that fits.
fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
