//! How long to wait after a failure: longer each time, up to a limit, and not in step with other consumers.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const MAX: Duration = Duration::from_secs(20);

/// The failures in a row of one thing.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It went well.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// It went wrong: wait so long before the next try.
    pub(crate) fn next(&mut self) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.failures.min(10)).min(MAX);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(0.5 + random_fraction() / 2.0)
    }
}

/// From 0 to 1. A fresh hasher of the standard library is keyed at random: enough to spread waits, and no crate.
fn random_fraction() -> f64 {
    let thousandths = RandomState::new().hash_one(()) % 1_000;
    f64::from(u16::try_from(thousandths).expect("below 1,000")) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        assert!((FIRST / 2..=FIRST).contains(&backoff.next()));
        for _ in 0..100 {
            backoff.next();
        }
        assert!((MAX / 2..=MAX).contains(&backoff.next()));
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }

    #[test]
    fn consumers_that_fail_together_do_not_come_back_together() {
        let first_waits: std::collections::HashSet<_> = (0..50).map(|_| Backoff::default().next()).collect();
        assert!(first_waits.len() > 10);
    }
}
