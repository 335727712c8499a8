//! How long a stream may go on: until its caller's token expires, or the server goes away.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::problem::Problem;
use crate::auth::Caller;

/// No stream lives longer, whatever its token says.
const LIFE_MAX: Duration = Duration::from_hours(24 * 30);

/// What ends a stream.
pub(super) struct Term {
    expiry: Instant,
    shutdown: CancellationToken,
}

impl Term {
    /// Of a stream of this caller's.
    pub(super) fn new(caller: &Caller, shutdown: &CancellationToken) -> Self {
        let left = caller
            .expires_at
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        Self {
            expiry: Instant::now() + left.min(LIFE_MAX),
            shutdown: shutdown.clone(),
        }
    }

    /// Returns once the stream must end, and why.
    pub(super) async fn over(&self) -> Problem {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Problem::shutting_down(),
            () = sleep_until(self.expiry) => token_expired(),
        }
    }

    /// Why the stream must end now, if it must: for those who have always something to tell.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.shutdown.is_cancelled() {
            Err(Problem::shutting_down())
        } else if Instant::now() >= self.expiry {
            Err(token_expired())
        } else {
            Ok(())
        }
    }
}

fn token_expired() -> Problem {
    Problem::new(
        Code::Unauthenticated,
        "TOKEN_EXPIRED",
        "the token has expired: resume with a new one",
    )
}
