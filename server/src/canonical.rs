//! Canonical JSON: one text for one value.
