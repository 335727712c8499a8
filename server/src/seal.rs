//! Tokens that only this server can have made: outcome tokens, page tokens and cursors.
//!
//! A token is `<key id>.<content>.<mac>`, each part in base64url, so of `[A-Za-z0-9_.-]` alone. The MAC (HMAC-SHA-256) also covers
//! what the token is for and whatever it is bound to, so a token of one purpose, partner or filter is none of another.
//! Knows nothing of what the content means.

mod outcome;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 6;
/// Longer texts are no token of ours.
const TOKEN_CHARS_MAX: usize = 256;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Names a job and a dispatch to the consumer, and back.
    Outcome,
    /// Where the next page of a list begins.
    Page,
    /// Where a reader of changes stands.
    Cursor,
}

/// The keys that tokens are made and verified with.
#[derive(Clone)]
pub struct Seal {
    keys: Vec<Key>,
}

/// The text is not a list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret key must be {KEY_BYTES} bytes in base64, several separated by commas")]
pub struct InvalidKeys;

#[derive(Clone)]
struct Key {
    id: String,
    hmac: hmac::Key,
}

impl Seal {
    /// Reads keys of 32 bytes in base64, separated by commas: the first signs, all verify.
    ///
    /// # Errors
    /// When there is none, or one is not of that form.
    pub fn parse(keys: &str) -> Result<Self, InvalidKeys> {
        let keys: Vec<Key> = keys
            .split(',')
            .map(|key| Key::parse(key.trim()))
            .collect::<Option<_>>()
            .ok_or(InvalidKeys)?;
        Ok(Self { keys })
    }

    /// A new random key in the form that `parse` reads.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<String, ring::error::Unspecified> {
        let key: [u8; KEY_BYTES] = ring::rand::generate(&ring::rand::SystemRandom::new())?.expose();
        Ok(STANDARD.encode(key))
    }

    /// A token with this content, bound to `bound`.
    #[must_use]
    pub fn seal(&self, purpose: Purpose, bound: &[&[u8]], content: &[u8]) -> String {
        let key = self.keys.first().expect("parse refuses an empty list");
        let mac = hmac::sign(&key.hmac, &message(purpose, bound, content));
        format!(
            "{}.{}.{}",
            key.id,
            URL_SAFE_NO_PAD.encode(content),
            URL_SAFE_NO_PAD.encode(mac)
        )
    }

    /// The content of a token that was made for the same purpose and bound to the same.
    #[must_use]
    pub fn open(&self, purpose: Purpose, bound: &[&[u8]], token: &str) -> Option<Vec<u8>> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let mut parts = token.split('.');
        let (key_id, content, mac) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let content = URL_SAFE_NO_PAD.decode(content).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let key = self.keys.iter().find(|key| key.id == key_id)?;
        hmac::verify(&key.hmac, &message(purpose, bound, &content), &mac).ok()?;
        Some(content)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|key| &key.id))
            .finish()
    }
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD
            .decode(text)
            .ok()
            .filter(|bytes| bytes.len() == KEY_BYTES)?;
        // Tells keys apart without telling them.
        let id = digest::digest(&digest::SHA256, &bytes);
        Some(Self {
            id: URL_SAFE_NO_PAD.encode(&id.as_ref()[..KEY_ID_BYTES]),
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        })
    }
}

/// What is authenticated: each part with its length before it, so that no two lists of parts read the same.
fn message(purpose: Purpose, bound: &[&[u8]], content: &[u8]) -> Vec<u8> {
    let purpose: &[u8] = match purpose {
        Purpose::Outcome => b"outcome",
        Purpose::Page => b"page",
        Purpose::Cursor => b"cursor",
    };
    let mut message = Vec::new();
    for part in [&[purpose], bound, &[content]].into_iter().flatten() {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::parse(&Seal::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_token_gives_its_content_back_to_the_same_purpose_and_binding() {
        let seal = seal();
        let token = seal.seal(Purpose::Page, &[b"acme", b"filter"], b"content");
        assert_eq!(
            seal.open(Purpose::Page, &[b"acme", b"filter"], &token).unwrap(),
            b"content"
        );
        assert_eq!(seal.open(Purpose::Page, &[b"globex", b"filter"], &token), None);
        assert_eq!(seal.open(Purpose::Page, &[b"acmef", b"ilter"], &token), None);
        assert_eq!(seal.open(Purpose::Outcome, &[b"acme", b"filter"], &token), None);
    }

    #[test]
    fn a_changed_or_foreign_token_is_refused() {
        let seal = seal();
        let token = seal.seal(Purpose::Outcome, &[], b"content");
        let other = self::seal().seal(Purpose::Outcome, &[], b"content");
        for forged in [
            other.as_str(),
            "",
            "..",
            &format!("{token}x"),
            &token[..token.len() - 2],
            &token.replace('.', ""),
        ] {
            assert_eq!(seal.open(Purpose::Outcome, &[], forged), None, "{forged}");
        }
    }

    #[test]
    fn an_old_key_still_verifies_after_a_new_one_signs() {
        let (old, new) = (Seal::generate().unwrap(), Seal::generate().unwrap());
        let token = Seal::parse(&old).unwrap().seal(Purpose::Outcome, &[], b"content");
        let both = Seal::parse(&format!("{new},{old}")).unwrap();
        assert!(both.open(Purpose::Outcome, &[], &token).is_some());
        assert!(
            Seal::parse(&new)
                .unwrap()
                .open(Purpose::Outcome, &[], &token)
                .is_none()
        );
    }

    #[test]
    fn keys_of_another_form_are_refused() {
        for keys in ["", "short", ",", "AAAA"] {
            assert_eq!(Seal::parse(keys).unwrap_err(), InvalidKeys, "{keys}");
        }
    }
}
