//! What an API says of itself beyond its descriptors. Plain data.

/// What the documents say beyond the descriptor set.
#[derive(Debug, Clone)]
pub struct Documents {
    /// The name of the API.
    pub title: String,
    /// Its version, as people count it.
    pub version: String,
    /// What stands on the first page, as Markdown; may be empty.
    pub description: String,
    /// How callers say who they are.
    pub security: Security,
}

/// How callers say who they are: told in the documents; the upstream checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// They need not.
    Open,
    /// `Authorization: Bearer …`.
    Bearer,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            title: "API".to_owned(),
            version: "1".to_owned(),
            description: String::new(),
            security: Security::Open,
        }
    }
}
