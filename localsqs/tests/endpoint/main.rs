//! What is peculiar to this endpoint: durability, one process a folder, its end, its limits, what it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on ends, and a child reports to its parent"
)]

mod crash;
mod folder;
#[path = "../behaviour/harness.rs"]
#[allow(dead_code, reason = "shared with the behaviour suite, which uses all of it")]
mod harness;
mod refusals;
mod served;
mod waiting;
