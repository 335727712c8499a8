//! Whether a call that broke off may be made once more: when it never reached a server, or when its method says that a
//! second time does no harm (`idempotency_level`). Within a budget, so that a failing server is not hit twice as hard.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tower::retry::budget::{Budget as _, TpsBudget};

use crate::meters::Meters;
use crate::upstream::{NotConnected, Overloaded};

/// How long a call counts for the budget.
const BUDGET_TIME: Duration = Duration::from_secs(10);
/// Calls made once more, whatever there is in the budget.
const RETRIES_PER_SECOND_MIN: u32 = 10;
/// And beyond that, of all calls.
const RETRIED_PART_MAX: f32 = 0.2;

/// What all calls may spend together. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Retries {
    budget: Arc<TpsBudget>,
    meters: Option<Meters>,
}

impl Retries {
    /// Nothing is spent yet; what is spent is counted there.
    pub(crate) fn new(meters: Option<Meters>) -> Self {
        let budget = TpsBudget::new(BUDGET_TIME, RETRIES_PER_SECOND_MIN, RETRIED_PART_MAX);
        Self {
            budget: Arc::new(budget),
            meters,
        }
    }

    /// A call begins.
    pub(super) fn deposit(&self) {
        self.budget.deposit();
    }

    /// Whether a call that failed so may be made once more, and is paid for.
    pub(super) fn allow(&self, error: &(dyn Error + Send + Sync + 'static), is_idempotent: bool) -> bool {
        let is_harmless = is_unsent(error) || (is_idempotent && !is_final(error));
        let is_allowed = is_harmless && self.budget.withdraw();
        if is_allowed && let Some(meters) = &self.meters {
            meters.retried();
        }
        is_allowed
    }
}

/// No connection, or one that closed before the call, or a server that says that it has not looked at it.
pub(super) fn is_unsent(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    any(error, |error| {
        let is_canceled = error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled);
        let is_refused = error.downcast_ref::<h2::Error>().is_some_and(is_refused);
        error.is::<NotConnected>() || error.is::<tonic::ConnectError>() || is_canceled || is_refused
    })
}

/// A GOAWAY ends only the calls that the server will not process (RFC 9113, section 6.8).
fn is_refused(error: &h2::Error) -> bool {
    error.reason() == Some(h2::Reason::REFUSED_STREAM) || (error.is_go_away() && error.is_remote())
}

/// Another time would end as this one did.
fn is_final(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    any(error, |error| {
        error.is::<tonic::TimeoutExpired>() || error.is::<Overloaded>()
    })
}

fn any(error: &(dyn Error + Send + Sync + 'static), fits: impl Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if fits(error) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_made_once_more_when_that_does_no_harm() {
        let retries = Retries::new(None);
        let refused = h2::Error::from(h2::Reason::REFUSED_STREAM);
        let reset = h2::Error::from(h2::Reason::INTERNAL_ERROR);
        assert!(retries.allow(&refused, false));
        assert!(!retries.allow(&reset, false));
        assert!(retries.allow(&reset, true));
        assert!(!retries.allow(&Overloaded, true));
    }

    #[test]
    fn the_budget_is_spent_some_time() {
        let retries = Retries::new(None);
        let refused = h2::Error::from(h2::Reason::REFUSED_STREAM);
        let allowed = (0..1_000).filter(|_| retries.allow(&refused, false)).count();
        assert!((1..=200).contains(&allowed), "{allowed}");
    }
}
