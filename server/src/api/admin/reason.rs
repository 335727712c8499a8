//! Why an operator acts: always asked for.

use super::super::problem::{Problem, Violation};

const BYTES_MAX: usize = 256;

/// What is wrong with a request whose one text is its reason.
pub(super) fn check(reason: &str) -> Result<(), Problem> {
    let mut violations = Vec::new();
    note_faults(reason, &mut violations);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid_request(violations))
    }
}

/// What is wrong with a reason, among the other faults of its request.
pub(super) fn note_faults(reason: &str, violations: &mut Vec<Violation>) {
    let mut refuse = |reason: &str, description: &str| {
        violations.push(Violation::new("/reason", reason, description));
    };
    if reason.trim().is_empty() {
        refuse("REQUIRED", "must say why");
    }
    if reason.len() > BYTES_MAX {
        refuse("TOO_LONG", "at most 256 bytes are kept");
    }
    if reason.contains('\0') {
        violations.push(Violation::nul("/reason"));
    }
}
