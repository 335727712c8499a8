//! How long to wait for more before the next request to SQS, which takes or brings ten messages at a time: not at all after a lull, so that
//! what comes alone goes at once; a moment while more keeps coming, so that requests are full.

use std::time::Duration;

/// Nothing waits longer than this for company.
pub(crate) const LINGER: Duration = Duration::from_millis(40);

/// What to wait after a request that was not full, when it had been waited so long for what went into it.
pub(crate) const fn after(waited: Duration) -> Duration {
    if waited.as_millis() < LINGER.as_millis() {
        LINGER
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_alone_makes_nothing_wait() {
        assert_eq!(after(Duration::from_secs(20)), Duration::ZERO);
        assert_eq!(after(LINGER), Duration::ZERO);
    }

    #[test]
    fn while_more_keeps_coming_requests_wait_for_it() {
        assert_eq!(after(Duration::ZERO), LINGER);
        assert_eq!(after(Duration::from_millis(39)), LINGER);
    }
}
