//! Tokens that were checked a moment ago, so that the next call with one needs no signature checked again.
//!
//! Bounded, and keyed by a digest, so that no token is kept. Whether an entry still counts is for the reader to say.

use std::collections::HashMap;
use std::sync::Arc;

use super::Caller;
use super::jwks::Key;

/// Tokens in each of two generations: some megabytes at most.
const GENERATION_MAX: usize = 4_096;

/// What is known of a token.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) caller: Caller,
    /// Which of the issuers.
    pub(super) issuer: usize,
    /// The key that it was checked with. An issuer may give its id to another one.
    pub(super) key_id: String,
    pub(super) key: Arc<Key>,
}

/// The newest tokens. When one generation is full the one before is forgotten, whatever of it still counts is simply checked again.
#[derive(Debug, Default)]
pub(super) struct Verified {
    young: HashMap<[u8; 32], Entry>,
    old: HashMap<[u8; 32], Entry>,
}

impl Verified {
    pub(super) fn get(&self, token: &[u8; 32]) -> Option<&Entry> {
        self.young.get(token).or_else(|| self.old.get(token))
    }

    pub(super) fn insert(&mut self, token: [u8; 32], entry: Entry) {
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, entry);
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::super::jwks::Keys;
    use super::*;
    use crate::job::PartnerId;

    fn token(number: usize) -> [u8; 32] {
        let mut token = [0; 32];
        token[..8].copy_from_slice(&number.to_le_bytes());
        token
    }

    #[test]
    fn only_so_many_tokens_are_kept_and_the_newest_are_among_them() {
        let caller = Caller {
            partner: PartnerId::new("acme"),
            client_id: "acme".to_owned(),
            scopes: Vec::new(),
            expires_at: SystemTime::now(),
        };
        let jwk = json!({"kty": "RSA", "kid": "k", "n": format!("{}w", "_".repeat(341)), "e": "AQAB"});
        let keys = Keys::parse(json!({"keys": [jwk]}).to_string().as_bytes(), &[]).unwrap();
        let mut verified = Verified::default();
        for number in 0..5 * GENERATION_MAX {
            verified.insert(
                token(number),
                Entry {
                    caller: caller.clone(),
                    issuer: 0,
                    key_id: "k".to_owned(),
                    key: Arc::clone(keys.get("k").unwrap()),
                },
            );
            assert!(verified.young.len() + verified.old.len() <= 2 * GENERATION_MAX);
        }
        assert!(verified.get(&token(5 * GENERATION_MAX - 1)).is_some());
        assert!(verified.get(&token(4 * GENERATION_MAX)).is_some());
        assert!(verified.get(&token(0)).is_none());
    }
}
