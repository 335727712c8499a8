//! Unique constraints: the values of a payload that only one living job of a partner may have.

use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::canonical::canonical;

/// Values that a partner may use once at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueConstraint {
    /// Names it to partners; one job type has each name once.
    pub name: String,
    /// JSON Pointers (RFC 6901) into the payload, at least one. Their values count together.
    pub pointers: Vec<String>,
}

impl UniqueConstraint {
    /// SHA-256 over the values as one canonical JSON array. None where one of them is missing or null: such a payload is exempt.
    pub(super) fn digest(&self, payload: &Value) -> Option<[u8; 32]> {
        let values = self
            .pointers
            .iter()
            .map(|pointer| payload.pointer(pointer).filter(|value| !value.is_null()).cloned());
        let values = values.collect::<Option<Vec<_>>>()?;
        let digest = digest(&SHA256, &canonical(&Value::Array(values)));
        Some(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// Whether a text is a JSON Pointer: empty, or parts that each begin with a slash, `~` only as `~0` or `~1`.
pub(super) fn is_pointer(text: &str) -> bool {
    let escaped = |part: &str| part.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escaped(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn constraint(pointers: &[&str]) -> UniqueConstraint {
        UniqueConstraint {
            name: "x".to_owned(),
            pointers: pointers.iter().map(|&pointer| pointer.to_owned()).collect(),
        }
    }

    #[test]
    fn equal_values_have_equal_digests_however_they_are_written() {
        let unique = constraint(&["/a", "/b/0"]);
        let one = serde_json::from_str(r#"{"a":{"x":1,"y":2.0},"b":["z"],"other":1}"#).unwrap();
        let other = serde_json::from_str(r#"{"other":2,"b":["z","more"],"a":{"y":2,"x":1.0}}"#).unwrap();
        assert!(unique.digest(&one).is_some());
        assert_eq!(unique.digest(&one), unique.digest(&other));
    }

    #[test]
    fn values_do_not_run_into_one_another() {
        let unique = constraint(&["/a", "/b"]);
        let digests: Vec<_> = [
            json!({"a": "x", "b": "yz"}),
            json!({"a": "xy", "b": "z"}),
            json!({"a": "yz", "b": "x"}),
            json!({"a": 1, "b": "1"}),
        ]
        .iter()
        .map(|payload| unique.digest(payload).unwrap())
        .collect();
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest));
        }
    }

    #[test]
    fn a_missing_or_null_value_exempts() {
        let unique = constraint(&["/a", "/b"]);
        assert_eq!(unique.digest(&json!({"a": 1})), None);
        assert_eq!(unique.digest(&json!({"a": 1, "b": null})), None);
        assert!(unique.digest(&json!({"a": "", "b": false})).is_some());
    }

    #[test]
    fn pointers_are_those_of_rfc_6901() {
        for pointer in ["", "/", "/a", "/a/0/b", "/a~1b/~0", "/é"] {
            assert!(is_pointer(pointer), "{pointer}");
        }
        for text in ["a", "#/a", "/a~", "/a~2", "$.a"] {
            assert!(!is_pointer(text), "{text}");
        }
    }
}
