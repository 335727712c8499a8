//! What the loops did.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{Label, WAITS, count, counters};

/// Tasks that were claimed, and what became of them.
#[derive(Debug, Clone)]
pub struct Dispatched {
    tasks: Family<Label, Counter>,
    wait: Histogram,
}

/// Outcomes that were received, and what became of them.
#[derive(Debug, Clone)]
pub struct Collected {
    outcomes: Family<Label, Counter>,
    lag: Histogram,
}

/// What the sweep found.
#[derive(Debug, Clone)]
pub struct Swept {
    expired: Counter,
    dead_letters: Family<Label, Counter>,
    deleted: Family<Label, Counter>,
}

impl Default for Dispatched {
    fn default() -> Self {
        Self {
            tasks: counters("result", &["sent", "unavailable", "refused"]),
            wait: Histogram::new(WAITS),
        }
    }
}

impl Dispatched {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "postern_dispatch_tasks",
            "Tasks by what became of them: sent; unavailable, the queue took none now; refused, this one waits a minute",
            self.tasks.clone(),
        );
        registry.register_with_unit(
            "postern_dispatch_wait",
            "Time from the acceptance of a job until its task was first taken to be sent",
            Unit::Seconds,
            self.wait.clone(),
        );
    }

    /// A job's first task was taken, so long after the job was accepted.
    pub fn waited(&self, wait: Duration) {
        self.wait.observe(wait.as_secs_f64());
    }

    /// The queue took so many.
    pub fn sent(&self, tasks: usize) {
        self.add("sent", tasks);
    }

    /// The queue could not take so many.
    pub fn unavailable(&self, tasks: usize) {
        self.add("unavailable", tasks);
    }

    /// So many cannot be sent as they are.
    pub fn refused(&self, tasks: usize) {
        self.add("refused", tasks);
    }

    fn add(&self, result: &'static str, tasks: usize) {
        self.tasks
            .get_or_create(&[("result", result)])
            .inc_by(count(tasks));
    }
}

impl Default for Collected {
    fn default() -> Self {
        Self {
            outcomes: counters("result", &["settled", "quarantined", "early"]),
            lag: Histogram::new(WAITS),
        }
    }
}

impl Collected {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "postern_collect_outcomes",
            "Messages of the queue of outcomes by what became of them: settled; quarantined; early, their job is not there yet and they come again",
            self.outcomes.clone(),
        );
        registry.register_with_unit(
            "postern_collect_lag",
            "Time from the sending of an outcome until it was dealt with",
            Unit::Seconds,
            self.lag.clone(),
        );
    }

    /// So many were dealt with.
    pub fn settled(&self, messages: usize) {
        self.add("settled", messages);
    }

    /// So many could not be used.
    pub fn quarantined(&self, messages: usize) {
        self.add("quarantined", messages);
    }

    /// So many are of jobs that are not there yet.
    pub fn early(&self, messages: usize) {
        self.add("early", messages);
    }

    /// One was dealt with, so long after it was sent.
    pub fn lagged(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    fn add(&self, result: &'static str, messages: usize) {
        self.outcomes
            .get_or_create(&[("result", result)])
            .inc_by(count(messages));
    }
}

impl Default for Swept {
    fn default() -> Self {
        Self {
            expired: Counter::default(),
            dead_letters: counters("result", &["linked", "quarantined"]),
            deleted: counters("kind", &["job", "quarantined_message", "operator_action"]),
        }
    }
}

impl Swept {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "postern_sweep_expired_jobs",
            "Jobs that expired",
            self.expired.clone(),
        );
        registry.register(
            "postern_sweep_dead_letters",
            "Dead letters of the queues of tasks: linked to their jobs, or quarantined",
            self.dead_letters.clone(),
        );
        registry.register(
            "postern_sweep_deleted",
            "What had been kept long enough, by kind",
            self.deleted.clone(),
        );
    }

    /// So many jobs expired.
    pub fn expired(&self, jobs: u64) {
        self.expired.inc_by(jobs);
    }

    /// A dead letter was linked to its job.
    pub fn linked(&self) {
        self.dead_letters.get_or_create(&[("result", "linked")]).inc();
    }

    /// A dead letter could not be used.
    pub fn quarantined(&self) {
        self.dead_letters
            .get_or_create(&[("result", "quarantined")])
            .inc();
    }

    /// So many things of a kind were deleted.
    pub fn deleted(&self, kind: &'static str, things: u64) {
        self.deleted.get_or_create(&[("kind", kind)]).inc_by(things);
    }
}
