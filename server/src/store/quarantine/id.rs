//! Names of messages in the quarantine: UUIDv7, as text with hyphens.

use std::fmt;

use uuid::Uuid;

/// Names a message in the quarantine. Ids of later milliseconds sort after earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuarantineId(Uuid);

impl QuarantineId {
    /// The id that a text is; in one spelling alone, so that a message has one address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(Uuid::try_parse(text).ok()?);
        (id.to_string() == text).then_some(id)
    }

    /// The id of a stored UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID to store.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for QuarantineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_one_spelling() {
        let id = QuarantineId::from_uuid(Uuid::now_v7());
        let text = id.to_string();
        assert_eq!(QuarantineId::parse(&text), Some(id));
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            String::new(),
        ] {
            assert_eq!(QuarantineId::parse(&other), None, "{other}");
        }
    }
}
