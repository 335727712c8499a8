//! What any SQS endpoint does, asked over HTTP with `aws-sdk-sqs` (JSON protocol) and by hand (Query protocol).
//!
//! Runs against an endpoint of its own in this process, or against the one that `POSTERN_SQS_SUITE_ENDPOINT` names
//! (`http://127.0.0.1:5000`), so that it can be held against servers that others wrote. What is peculiar to ours is
//! tested in `../endpoint`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod batches;
mod dead_letters;
mod harness;
mod json_protocol;
mod long_polls;
mod messages;
mod query_protocol;
mod queues;
mod visibility;
