//! How far an execution has come.

use super::text::kept;

const MESSAGE_BYTES_MAX: usize = 2048;

/// How far an execution has come, in units of the consumer's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Units done.
    pub completed: i32,
    /// Units in all; 0 when not known.
    pub total: i32,
    /// For people.
    pub message: String,
}

impl Progress {
    /// What a consumer tells, as it can be kept: numbers clamped to 0…2^31−1, the message cut.
    #[must_use]
    pub fn told(completed: i64, total: i64, message: &str) -> Self {
        Self {
            completed: clamp(completed),
            total: clamp(total),
            message: kept(message, MESSAGE_BYTES_MAX),
        }
    }
}

fn clamp(units: i64) -> i32 {
    i32::try_from(units.clamp(0, i64::from(i32::MAX))).expect("clamped")
}
