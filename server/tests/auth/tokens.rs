//! Which tokens count, and for whom. The issuer is the development issuer, asked for its keys over HTTP.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use postern_issuer::DEVELOPMENT_KEY_ID;
use postern_server::auth::{Authenticator, Config, ConfigError, Error, PartnerConfig};
use serde_json::{Value, json};

use crate::world::{World, claims, second_key, unix_seconds};

const HOUR: Duration = Duration::from_hours(1);

fn encode(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_token_of_the_issuer_tells_who_calls() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let before = unix_seconds();
    let caller = world
        .check(&issuer.token("acme", None, HOUR).unwrap())
        .await
        .unwrap();
    assert_eq!(
        (caller.partner.as_str(), caller.client_id.as_str()),
        ("acme", "acme")
    );
    assert_eq!(caller.scopes, ["jobs/submit", "jobs/read", "jobs/cancel"]);
    let expires = caller.expires_at.duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((before + 3600..before + 3660).contains(&expires));

    let token = issuer.token("worker", None, HOUR).unwrap();
    let once = world.check(&token).await.unwrap();
    assert_eq!(once.scopes, ["work/execute"]);
    assert_eq!(
        world.check(&token).await.unwrap(),
        once,
        "the second time is like the first"
    );
    world.stop().await;
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case_and_another_is_no_token() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let token = issuer.token("acme", None, HOUR).unwrap();
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        assert!(
            world
                .authenticator
                .authenticate(Some(&format!("{scheme} {token}")))
                .await
                .is_ok(),
            "{scheme}"
        );
    }
    for header in [
        None,
        Some(""),
        Some("Basic YTpi"),
        Some(token.as_str()),
        Some("Bearerx y"),
    ] {
        assert_eq!(
            world.authenticator.authenticate(header).await,
            Err(Error::Missing),
            "{header:?}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_signed_by_the_issuer_does_not_count() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let good = issuer.token("acme", None, HOUR).unwrap();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let claims = claims(issuer.url(), &json!({}));
    let kid = issuer.key().id();

    let none = format!(
        "{}.{}.",
        encode(&json!({"alg": "none", "kid": kid})),
        encode(&claims)
    );
    let tampered = format!("{header}.{}.{signature}", encode(&claims));
    let forged = second_key().sign_with_header(&json!({"alg": "RS256", "kid": kid}), &claims);
    let tokens = [
        String::new(),
        "x".to_owned(),
        none.clone(),
        format!("{none}{signature}"),
        tampered,
        forged,
        format!("{header}.{payload}."),
        second_key().sign(&claims),
        issuer.key().sign_with_header(&json!({"alg": "RS256"}), &claims),
        issuer
            .key()
            .sign_with_header(&json!({"alg": "RS512", "kid": kid}), &claims),
        issuer.key().sign_with_header(
            &json!({"alg": "RS256", "kid": kid, "crit": ["x"], "x": 1}),
            &claims,
        ),
        issuer
            .key()
            .sign(&json!({"iss": issuer.url(), "pad": "x".repeat(8 * 1024)})),
    ];
    for token in tokens {
        assert!(world.refuses(&token).await, "{token}");
    }
    assert!(world.check(&good).await.is_ok());
    world.stop().await;
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let jwk = issuer.key().jwk();
    let signed = format!(
        "{}.{}",
        encode(&json!({"alg": "HS256", "kid": issuer.key().id()})),
        encode(&claims(issuer.url(), &json!({})))
    );
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [
        modulus,
        jwk["n"].as_str().unwrap().into(),
        jwk.to_string().into_bytes(),
    ] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()));
        assert!(world.refuses(&format!("{signed}.{signature}")).await);
    }
    world.stop().await;
}

#[tokio::test]
async fn what_a_token_says_about_keys_is_not_looked_at() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let own = second_key();
    let claims = claims(issuer.url(), &json!({}));
    let hints = json!({"jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/x5u", "jwk": own.jwk(), "typ": "x"});
    for (key, kid) in [(&own, issuer.key().id()), (&own, own.id())] {
        let mut header = hints.clone();
        (header["alg"], header["kid"]) = (json!("RS256"), json!(kid));
        assert!(world.refuses(&key.sign_with_header(&header, &claims)).await);
    }
    let mut header = hints;
    (header["alg"], header["kid"]) = (json!("RS256"), json!(issuer.key().id()));
    assert!(
        world
            .check(&issuer.key().sign_with_header(&header, &claims))
            .await
            .is_ok()
    );
    world.stop().await;
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let now = unix_seconds();
    for change in [
        json!({"iss": format!("{}/", issuer.url())}),
        json!({"iss": "https://issuer.example"}),
        json!({"iss": null}),
        json!({"token_use": "id"}),
        json!({"token_use": null}),
        json!({"client_id": null}),
        json!({"exp": null}),
        json!({"exp": "never"}),
        json!({"nbf": now + 120}),
        json!({"iat": now + 120}),
    ] {
        assert!(
            world
                .refuses(&issuer.key().sign(&claims(issuer.url(), &change)))
                .await,
            "{change}"
        );
    }
    for change in [
        json!({"nbf": now + 30}),
        json!({"iat": now + 30}),
        json!({"aud": "x"}),
        json!({"scope": null}),
    ] {
        assert!(
            world
                .check(&issuer.key().sign(&claims(issuer.url(), &change)))
                .await
                .is_ok(),
            "{change}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn an_expired_token_is_told_from_a_wrong_one() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let expired = issuer.token("acme", None, Duration::ZERO).unwrap();
    assert_eq!(world.check(&expired).await, Err(Error::Expired));
    let past = claims(issuer.url(), &json!({"exp": unix_seconds() - 1}));
    assert_eq!(world.check(&issuer.key().sign(&past)).await, Err(Error::Expired));
    let forged = second_key().sign_with_header(&json!({"alg": "RS256", "kid": issuer.key().id()}), &past);
    assert!(
        world.refuses(&forged).await,
        "nothing is said about a token that nobody vouches for"
    );
    world.stop().await;
}

#[tokio::test]
async fn a_token_that_was_known_still_expires() {
    let (world, issuer) = World::with_development_issuer(|_| {}).await;
    let token = issuer.token("acme", None, Duration::from_secs(2)).unwrap();
    let caller = world.check(&token).await.unwrap();
    while std::time::SystemTime::now() < caller.expires_at {
        assert!(world.check(&token).await != Err(Error::IssuerUnavailable));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.check(&token).await, Err(Error::Expired));
    world.stop().await;
}

#[tokio::test]
async fn the_partner_is_our_own_id_whichever_client_calls() {
    let acme = PartnerConfig {
        id: "acme-corp".to_owned(),
        issuer: None,
        clients: vec!["acme".to_owned(), "globex".to_owned()],
    };
    let (world, issuer) = World::with_development_issuer(|config| config.partners = vec![acme]).await;
    for (client, partner) in [
        ("acme", "acme-corp"),
        ("globex", "acme-corp"),
        ("operator", "operator"),
    ] {
        let caller = world
            .check(&issuer.token(client, None, HOUR).unwrap())
            .await
            .unwrap();
        assert_eq!(
            (caller.partner.as_str(), caller.client_id.as_str()),
            (partner, client)
        );
    }
    let usurper = claims(issuer.url(), &json!({"client_id": "acme-corp"}));
    assert!(world.refuses(&issuer.key().sign(&usurper)).await);
    world.stop().await;
}

#[tokio::test]
async fn the_development_key_can_be_refused() {
    let refuse = |config: &mut Config| config.refused_key_ids = vec![DEVELOPMENT_KEY_ID.to_owned()];
    let (world, issuer) = World::with_development_issuer(refuse).await;
    assert!(world.refuses(&issuer.token("acme", None, HOUR).unwrap()).await);
    // The same key under another name: it never gets among those that are known.
    let claims = claims(issuer.url(), &json!({}));
    let renamed = issuer
        .key()
        .sign_with_header(&json!({"alg": "RS256", "kid": "k"}), &claims);
    assert_eq!(world.check(&renamed).await, Err(Error::IssuerUnavailable));
    world.stop().await;
}

#[test]
fn a_configuration_that_is_not_clear_is_refused() {
    let refusal = |config: Config| Authenticator::new(config).err().unwrap();
    assert!(matches!(refusal(Config::default()), ConfigError::NoIssuer));
    let plain = Config {
        issuers: vec!["http://issuer.example".to_owned()],
        ..Config::default()
    };
    assert_eq!(
        refusal(plain).to_string(),
        "issuer http://issuer.example: must be https (http is for loopback only)"
    );
    let partner = PartnerConfig {
        id: "acme".to_owned(),
        issuer: Some("https://other".to_owned()),
        clients: Vec::new(),
    };
    let unknown = Config {
        issuers: vec!["https://x".to_owned()],
        partners: vec![partner],
        ..Config::default()
    };
    assert_eq!(
        refusal(unknown).to_string(),
        "partner acme: https://other is not one of the issuers"
    );
}
