//! What was asked of SQS. Each request counts, also one that is made again: each is paid for.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Requests to SQS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Requests {
    made: Family<Operation, Counter>,
    failed: Family<Operation, Counter>,
}

type Operation = [(&'static str, String); 1];

/// What a running server asks.
const OPERATIONS: [&str; 4] = [
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessageBatch",
    "GetQueueAttributes",
];

impl Default for Requests {
    fn default() -> Self {
        let (made, failed): (Family<_, Counter>, Family<_, Counter>) = Default::default();
        for operation in OPERATIONS {
            for family in [&made, &failed] {
                drop(family.get_or_create(&labels(operation)));
            }
        }
        Self { made, failed }
    }
}

impl Requests {
    /// Shows them in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "postern_sqs_requests",
            "Requests to SQS by operation; each counts, also one that is made again",
            self.made.clone(),
        );
        registry.register(
            "postern_sqs_failures",
            "Requests to SQS that were refused or not answered, by operation",
            self.failed.clone(),
        );
    }

    /// One goes out.
    pub fn made(&self, operation: &str) {
        self.made.get_or_create(&labels(operation)).inc();
    }

    /// One was refused, or not answered.
    pub fn failed(&self, operation: &str) {
        self.failed.get_or_create(&labels(operation)).inc();
    }

    /// How many of an operation have gone out.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        let counter = self.made.get(&labels(operation));
        counter.map_or(0, |counter| counter.get())
    }
}

fn labels(operation: &str) -> Operation {
    [("operation", operation.to_owned())]
}
