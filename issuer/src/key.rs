//! What tokens are signed with: an RSA key, RS256, and its public half as a JWK.

use std::fmt;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use serde_json::{Value, json};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A private RSA key.
pub struct SigningKey {
    pair: KeyPair,
    n: String,
    e: String,
    id: String,
}

/// The text is not a key of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RSA key of 2048 to 4096 bits in PKCS#8 and PEM")]
pub struct InvalidKey;

impl SigningKey {
    /// A key in PKCS#8 and PEM (RFC 7468), as `openssl genpkey` writes it. Text around it is passed over.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        let (_, body) = pem.split_once(BEGIN).ok_or(InvalidKey)?;
        let (body, _) = body.split_once(END).ok_or(InvalidKey)?;
        let body: String = body.split_ascii_whitespace().collect();
        let pkcs8 = BASE64_STANDARD.decode(body).ok().ok_or(InvalidKey)?;
        let pair = KeyPair::from_pkcs8(&pkcs8).ok().ok_or(InvalidKey)?;
        let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let (n, e) = (
            BASE64_URL_SAFE_NO_PAD.encode(public.n),
            BASE64_URL_SAFE_NO_PAD.encode(public.e),
        );
        let thumbprint = digest(
            &SHA256,
            format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#).as_bytes(),
        );
        Ok(Self {
            pair,
            n,
            e,
            id: BASE64_URL_SAFE_NO_PAD.encode(thumbprint),
        })
    }

    /// Its `kid`: the RFC 7638 thumbprint.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its public half (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": self.n, "e": self.e})
    }

    /// A token with these claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with_header(&json!({"alg": "RS256", "kid": self.id}), claims)
    }

    /// A token with this header, whatever that claims about itself: signed with RS256. For tests of those who check tokens.
    #[must_use]
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("the buffer is as long as the modulus, and a key that was read can sign");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.id).finish()
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;
    use crate::{DEVELOPMENT_KEY, DEVELOPMENT_KEY_ID};

    #[test]
    fn the_development_key_is_known_by_its_thumbprint() {
        assert_eq!(
            SigningKey::from_pem(DEVELOPMENT_KEY).unwrap().id(),
            DEVELOPMENT_KEY_ID
        );
    }

    #[test]
    fn a_token_is_signed_by_its_key() {
        let key = SigningKey::from_pem(DEVELOPMENT_KEY).unwrap();
        let token = key.sign(&json!({"sub": "x"}));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.pair.public_key());
        public
            .verify(
                signed.as_bytes(),
                &BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap(),
            )
            .unwrap();
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for pem in [
            "",
            BEGIN,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
        ] {
            assert_eq!(SigningKey::from_pem(pem).err(), Some(InvalidKey), "{pem}");
        }
    }
}
