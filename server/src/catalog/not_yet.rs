//! Keys whose feature is not built yet: refused unless they say what holds anyway. A line goes when its feature comes.

use super::fields::{At, Fields};

/// What the file says about such features.
pub(super) struct Later {
    pub(super) claim_check: At<bool>,
}

/// Refuses what cannot be kept yet.
pub(super) fn refuse(later: &Later, fields: &mut Fields<'_>) {
    let Later { claim_check } = later;
    let asked = [(
        claim_check.value,
        claim_check.line,
        "claim_check: payloads in an object store are not available yet, leave it at false",
    )];
    for (asked, line, message) in asked {
        if asked {
            fields.fault(line, message);
        }
    }
}
