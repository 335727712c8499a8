//! What a job is and what it may become: pure, and the one place with state transitions.
//!
//! Knows nothing of SQL, SQS, gRPC or clocks other than the `Timestamp` it is handed.

mod id;

pub use id::{InvalidId, JobId, PartnerId};
