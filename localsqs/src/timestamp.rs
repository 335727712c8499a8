//! Points in time as SQS counts them: whole milliseconds since 1970.
//!
//! The clock is read in one place, [`Timestamp::now`], by whoever starts a transaction; everything below is told the
//! time, so that tests can make it any time they like.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Timestamp {
    pub(crate) fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    pub(crate) fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(i64::from(seconds) * 1_000))
    }

    pub(crate) fn minus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(seconds) * 1_000))
    }

    /// How long from `earlier` to this point; zero when it has passed.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    pub(crate) fn seconds(self) -> i64 {
        self.0 / 1_000
    }
}
