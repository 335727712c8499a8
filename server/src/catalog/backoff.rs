//! How long a job type waits between one dispatch of a job and the next.

use std::time::Duration;

/// Waits that grow: `first`, then `factor` times as long each time, `max` at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second dispatch.
    pub first: Duration,
    /// By how much each wait is longer than the one before.
    pub factor: u32,
    /// The longest.
    pub max: Duration,
}

impl Backoff {
    /// The wait before a dispatch, in milliseconds; the first one does not wait.
    #[must_use]
    pub fn millis_before(&self, dispatch: i32) -> i64 {
        let Some(repetition) = u32::try_from(dispatch)
            .ok()
            .and_then(|dispatch| dispatch.checked_sub(2))
        else {
            return 0;
        };
        let factor = self.factor.saturating_pow(repetition);
        let wait = self.first.saturating_mul(factor).min(self.max);
        i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            factor: 2,
            max: Duration::from_mins(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_five_seconds_to_five_minutes() {
        let waits: Vec<_> = (0..=10)
            .map(|dispatch| Backoff::default().millis_before(dispatch) / 1000)
            .collect();
        assert_eq!(waits, [0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(Backoff::default().millis_before(i32::MAX), 300_000);
        assert_eq!(Backoff::default().millis_before(-1), 0);
    }
}
