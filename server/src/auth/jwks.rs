//! An issuer's public keys (RFC 7517): those that RS256 signatures can be checked with; the others are passed over.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;

/// An issuer has two or three.
const KEYS_MAX: usize = 100;
/// 2048 to 8192 bits (RFC 7518 §3.3 asks for the lower end).
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// The keys of an issuer by their ids.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<String, Arc<Key>>);

/// A public RSA key.
pub(super) struct Key(RsaPublicKeyComponents<Vec<u8>>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    n: String,
    e: String,
    r#use: Option<String>,
    alg: Option<String>,
}

impl Keys {
    /// The usable keys of a JWK set, without those that are refused by id or thumbprint. None when there is no set, or none of use in it.
    pub(super) fn parse(document: &[u8], refused: &[String]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let mut keys = HashMap::new();
        for jwk in document.keys.into_iter().take(KEYS_MAX) {
            // Keys of other kinds have other members.
            let Ok(jwk) = serde_json::from_value::<Jwk>(jwk) else {
                continue;
            };
            let Some(key) = Key::new(&jwk) else { continue };
            if refused.contains(&jwk.kid) || refused.contains(&key.thumbprint()) {
                tracing::error!(
                    key.id = jwk.kid,
                    "a key of the issuer is refused: its private half is public"
                );
                continue;
            }
            keys.insert(jwk.kid, Arc::new(key));
        }
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key of this id.
    pub(super) fn get(&self, id: &str) -> Option<&Arc<Key>> {
        self.0.get(id)
    }
}

impl Key {
    /// The key of a JWK that is for RS256 signatures, strictly read.
    fn new(jwk: &Jwk) -> Option<Self> {
        let is_for_signatures = jwk.r#use.as_deref().is_none_or(|usage| usage == "sig");
        let is_rs256 = jwk.kty == "RSA" && jwk.alg.as_deref().is_none_or(|algorithm| algorithm == "RS256");
        let (n, e) = (number(&jwk.n)?, number(&jwk.e)?);
        let is_usable = is_for_signatures && is_rs256 && MODULUS_BYTES.contains(&n.len()) && e.len() <= 8;
        is_usable.then_some(Self(RsaPublicKeyComponents { n, e }))
    }

    /// Whether the key's owner signed the message (RSASSA-PKCS1-v1_5 with SHA-256).
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }

    /// RFC 7638: what a key is, whatever it is called.
    fn thumbprint(&self) -> String {
        let (n, e) = (
            BASE64_URL_SAFE_NO_PAD.encode(&self.0.n),
            BASE64_URL_SAFE_NO_PAD.encode(&self.0.e),
        );
        let members = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.0.n, &self.0.e) == (&other.0.n, &other.0.e)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.thumbprint()).finish()
    }
}

/// `Base64urlUInt` (RFC 7518 §2): big-endian, without leading zeros.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    bytes.first().is_some_and(|first| *first != 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The key of RFC 7638 §3.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
        tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI\
        SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

    fn parse(change: &Value, refused: &[String]) -> Option<Keys> {
        let mut jwk = json!({"kty": "RSA", "kid": "k", "n": N, "e": "AQAB"});
        for (name, value) in change.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        Keys::parse(
            json!({"keys": [{"kty": "EC", "kid": "other", "crv": "P-256"}, jwk]})
                .to_string()
                .as_bytes(),
            refused,
        )
    }

    #[test]
    fn a_key_for_signatures_is_taken_and_others_are_passed_over() {
        for change in [
            json!({}),
            json!({"use": "sig"}),
            json!({"alg": "RS256", "x5c": ["…"]}),
        ] {
            let keys = parse(&change, &[]).unwrap();
            assert_eq!(keys.get("k").unwrap().thumbprint(), THUMBPRINT);
            assert!(keys.get("other").is_none());
        }
    }

    #[test]
    fn what_cannot_check_rs256_is_no_key() {
        for change in [
            json!({"use": "enc"}),
            json!({"alg": "PS256"}),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kid": null}),
            json!({"n": N[..100]}),
            json!({"n": format!("AAAA{N}")}),
            json!({"n": N.replace('_', "/")}),
            json!({"e": ""}),
            json!({"e": "AQAB=="}),
        ] {
            assert!(parse(&change, &[]).is_none(), "{change}");
        }
        assert!(Keys::parse(b"[]", &[]).is_none());
        assert!(Keys::parse(br#"{"keys":[]}"#, &[]).is_none());
    }

    #[test]
    fn a_refused_key_is_known_by_its_id_and_by_what_it_is() {
        assert!(parse(&json!({}), &["k".to_owned()]).is_none());
        assert!(parse(&json!({"kid": "another name"}), &[THUMBPRINT.to_owned()]).is_none());
        assert!(parse(&json!({}), &["z".to_owned()]).is_some());
    }
}
