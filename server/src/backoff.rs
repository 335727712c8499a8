//! How long to wait after a failure: twice as long each time, up to a limit, and not in step with other replicas.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const MAX: Duration = Duration::from_secs(15);

/// Failures in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

/// That of a loop.
impl Default for Backoff {
    fn default() -> Self {
        Self::between(FIRST, MAX)
    }
}

impl Backoff {
    /// Waits that grow from one to the other.
    pub(crate) const fn between(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            failures: 0,
        }
    }

    /// Things went well.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Things went wrong: wait so long.
    pub(crate) fn next(&mut self) -> Duration {
        let longest = self
            .first
            .saturating_mul(1 << self.failures.min(10))
            .min(self.max);
        self.failures = self.failures.saturating_add(1);
        // Between half of it and all of it: the clock's nanoseconds are random enough for that.
        longest.mul_f64(0.5 + f64::from(jitter() % 1000) / 2000.0)
    }
}

fn jitter() -> u32 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        assert!(first >= FIRST / 2 && first <= FIRST);
        for _ in 0..40 {
            backoff.next();
        }
        let longest = backoff.next();
        assert!(longest >= MAX / 2 && longest <= MAX);
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
