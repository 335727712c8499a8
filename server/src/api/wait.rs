//! How long a call may hold its answer back (long poll).

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataMap;

use super::deadline;
use super::problem::Violation;

const WAIT_MAX: Duration = Duration::from_secs(50);
/// Kept of a call's deadline for the answer to travel.
const DEADLINE_MARGIN: Duration = Duration::from_millis(200);

/// The longest that a call may wait: its caller is there to hear the answer.
pub(super) fn longest(metadata: &MetadataMap) -> Duration {
    deadline::of(metadata.as_ref()).map_or(WAIT_MAX, |deadline| {
        deadline.saturating_sub(DEADLINE_MARGIN).min(WAIT_MAX)
    })
}

/// Until when to wait, if at all.
pub(super) fn until(
    wait: Option<&prost_types::Duration>,
    longest: Duration,
    violations: &mut Vec<Violation>,
) -> Option<Instant> {
    match Duration::try_from(*wait?) {
        Ok(Duration::ZERO) => None,
        Ok(wait) => Some(Instant::now() + wait.min(longest)),
        Err(_negative) => {
            violations.push(Violation::new("/wait", "OUT_OF_RANGE", "must not be negative"));
            None
        }
    }
}
