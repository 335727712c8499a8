//! A token as text: a JWS in its compact form (RFC 7515), signed with RS256, whose claims are those of a Cognito access token.
//!
//! What stands in it counts only once `verify` has gone well; before that, it only tells which key to look for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Error;
use super::jwks::Key;

/// How far an issuer's clock may be ahead of ours. The end of a token knows no leeway.
const LEEWAY_SECONDS: f64 = 60.0;
const CLIENT_ID_CHARS_MAX: usize = 128;

/// A token that can be read, and that nobody vouches for yet.
pub(super) struct Jwt<'a> {
    key_id: String,
    claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

/// What an issuer says.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    token_use: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    scope: String,
}

/// What an issuer says and what holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: SystemTime,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart, strictly.
    pub(super) fn parse(token: &'a str) -> Result<Self, Error> {
        let malformed = Error::Invalid("it is not a signed JWT");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(|| malformed.clone())?;
        let (header, claims) = signed.split_once('.').ok_or_else(|| malformed.clone())?;
        let header: Header = decode(header).ok_or_else(|| malformed.clone())?;
        // The one algorithm there is, whatever the key is (RFC 8725 §3.1): neither "none" nor a secret that is really a public key.
        if header.alg != "RS256" {
            return Err(Error::Invalid("its algorithm is not RS256"));
        }
        if header.crit.is_some() {
            return Err(Error::Invalid("it has critical extensions"));
        }
        let key_id = header.kid.ok_or(Error::Invalid("it names no key"))?;
        let claims = decode(claims).ok_or(Error::Invalid("its claims cannot be read"))?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok().ok_or(malformed)?;
        Ok(Self {
            key_id,
            claims,
            signed,
            signature,
        })
    }

    /// The key that it claims to be signed with.
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Who claims to have issued it.
    pub(super) fn issuer(&self) -> &str {
        &self.claims.iss
    }

    /// The claims, if the key's owner made them.
    pub(super) fn verify(self, key: &Key) -> Result<Claims, Error> {
        if key.verifies(self.signed.as_bytes(), &self.signature) {
            Ok(self.claims)
        } else {
            Err(Error::Invalid("its signature does not verify"))
        }
    }
}

impl Claims {
    /// What holds at `now`, in seconds since the Unix epoch.
    pub(super) fn check(self, now: f64) -> Result<Checked, Error> {
        let exp = self.exp.ok_or(Error::Invalid("it never expires"))?;
        if now >= exp {
            return Err(Error::Expired);
        }
        if self.nbf.is_some_and(|nbf| now + LEEWAY_SECONDS < nbf) {
            return Err(Error::Invalid("it does not count yet"));
        }
        if self.iat.is_some_and(|iat| now + LEEWAY_SECONDS < iat) {
            return Err(Error::Invalid("it was issued in the future"));
        }
        if self.token_use.as_deref() != Some("access") {
            return Err(Error::Invalid("it is not an access token"));
        }
        let client_id = self
            .client_id
            .filter(|id| is_client_id(id))
            .ok_or(Error::Invalid("it names no client"))?;
        let expires_at = Duration::try_from_secs_f64(exp)
            .ok()
            .and_then(|since| UNIX_EPOCH.checked_add(since));
        Ok(Checked {
            client_id,
            scopes: self.scope.split_ascii_whitespace().map(str::to_owned).collect(),
            expires_at: expires_at.ok_or(Error::Invalid("it expires at no time there is"))?,
        })
    }
}

/// JSON in base64url.
fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A client's name may become that of a partner, in logs and in columns.
fn is_client_id(id: &str) -> bool {
    (1..=CLIENT_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: f64 = 1_764_000_000.0;

    fn check(change: &Value) -> Result<Checked, Error> {
        let mut claims = json!({"iss": "https://issuer", "exp": NOW + 1.0, "token_use": "access", "client_id": "acme", "scope": "a b"});
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        serde_json::from_value::<Claims>(claims).unwrap().check(NOW)
    }

    #[test]
    fn a_token_ends_at_its_second_without_leeway() {
        assert_eq!(check(&json!({"exp": NOW})), Err(Error::Expired));
        assert_eq!(check(&json!({"exp": NOW - 1.0})), Err(Error::Expired));
        let checked = check(&json!({"exp": NOW + 1.0})).unwrap();
        assert_eq!(
            checked.expires_at,
            UNIX_EPOCH + Duration::from_secs(1_764_000_001)
        );
        assert_eq!(checked.scopes, ["a", "b"]);
    }

    #[test]
    fn the_issuers_clock_may_be_a_minute_ahead() {
        for name in ["nbf", "iat"] {
            assert!(check(&json!({ name: NOW + 60.0 })).is_ok(), "{name}");
            assert!(
                matches!(check(&json!({ name: NOW + 61.0 })), Err(Error::Invalid(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_not_an_access_token_of_a_client_is_refused() {
        for change in [
            json!({"exp": null}),
            json!({"exp": 1e300}),
            json!({"token_use": "id"}),
            json!({"token_use": null}),
            json!({"client_id": null}),
            json!({"client_id": ""}),
            json!({"client_id": "a b"}),
            json!({"client_id": "x".repeat(129)}),
        ] {
            assert!(matches!(check(&change), Err(Error::Invalid(_))), "{change}");
        }
    }

    #[test]
    fn a_token_without_scopes_is_one_that_may_do_nothing() {
        assert!(check(&json!({"scope": ""})).unwrap().scopes.is_empty());
    }

    #[test]
    fn text_that_is_no_token_is_refused() {
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": "RS256", "kid": "k"}));
        let claims = part(json!({"iss": "https://issuer"}));
        assert!(Jwt::parse(&format!("{header}.{claims}.c2ln")).is_ok());
        for token in [
            String::new(),
            "x".to_owned(),
            "..".to_owned(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.c2ln.c2ln"),
            format!("{header}.{claims}.c2ln="),
            format!("{header}.{claims}.+/"),
            format!("{header}=.{claims}.c2ln"),
            format!("{header}.{}.c2ln", part(json!({"iss": 1}))),
            format!("{header}.{}.c2ln", part(json!([]))),
            format!("{}.{claims}.c2ln", part(json!({"kid": "k"}))),
            format!("{}.{claims}.c2ln", part(json!({"alg": "RS256"}))),
            format!(
                "{}.{claims}.c2ln",
                part(json!({"alg": "RS256", "kid": "k", "crit": ["b64"], "b64": false}))
            ),
        ] {
            assert!(matches!(Jwt::parse(&token), Err(Error::Invalid(_))), "{token}");
        }
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        for algorithm in ["none", "None", "HS256", "RS384", "PS256", "ES256", "rs256", ""] {
            let header = BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "kid": "k"}).to_string());
            assert_eq!(
                Jwt::parse(&format!("{header}.e30.")).err(),
                Some(Error::Invalid("its algorithm is not RS256")),
                "{algorithm}"
            );
        }
    }
}
