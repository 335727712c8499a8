//! What the issuer answers over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http_body_util::BodyExt as _;
use postern_issuer::{DEVELOPMENT_KEY_ID, Error, Issuer, clients};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const URL: &str = "http://127.0.0.1:8080";

async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let response = Issuer::new(URL).unwrap().router().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, serde_json::from_slice(&body).unwrap())
}

async fn post(headers: &[(&str, &str)], body: &str) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::post("/oauth2/token");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn refused(headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let (status, headers, body) = post(headers, body).await;
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(body.as_object().unwrap().len(), 1);
    (status.as_u16(), body["error"].as_str().unwrap().to_owned())
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(
        &BASE64_URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1).unwrap())
            .unwrap(),
    )
    .unwrap()
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(credentials))
}

#[tokio::test]
async fn a_client_gets_a_token_in_the_shape_of_cognito() {
    let form = "grant_type=client_credentials&client_id=acme&client_secret=acme-secret";
    let (status, headers, body) = post(&[("content-type", FORM)], form).await;
    assert_eq!(
        (status, &headers["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );
    assert_eq!(body.as_object().unwrap().len(), 3);

    let mut claims = claims(body["access_token"].as_str().unwrap());
    let issued = claims["iat"].as_u64().unwrap();
    assert_eq!(
        (&claims["auth_time"], &claims["exp"]),
        (&json!(issued), &json!(issued + 3600))
    );
    for varying in ["iat", "auth_time", "exp", "jti"] {
        assert!(
            claims.as_object_mut().unwrap().remove(varying).is_some(),
            "{varying}"
        );
    }
    let scope = "jobs/submit jobs/read jobs/cancel";
    assert_eq!(
        claims,
        json!({"sub": "acme", "client_id": "acme", "token_use": "access", "scope": scope, "iss": URL, "version": 2})
    );
}

#[tokio::test]
async fn the_scopes_asked_for_are_those_that_are_given() {
    let form = "grant_type=client_credentials&client_id=acme&client_secret=acme-secret&scope=jobs%2Fread+jobs/submit";
    let (_, _, body) = post(&[("content-type", FORM)], form).await;
    assert_eq!(
        claims(body["access_token"].as_str().unwrap())["scope"],
        "jobs/read jobs/submit"
    );
}

#[tokio::test]
async fn http_basic_serves_as_well() {
    for (scheme, credentials) in [
        ("Basic", "worker:worker-secret"),
        ("basic", "w%6Frker:worker%2Dsecret"),
    ] {
        let authorization = basic(credentials).replace("Basic", scheme);
        let headers = [("content-type", FORM), ("authorization", authorization.as_str())];
        let (status, _, body) = post(&headers, "grant_type=client_credentials&client_id=worker").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            claims(body["access_token"].as_str().unwrap())["scope"],
            "work/execute"
        );
    }
}

#[tokio::test]
async fn who_cannot_show_who_it_is_gets_401() {
    for form in [
        "grant_type=client_credentials",
        "grant_type=client_credentials&client_id=acme",
        "grant_type=client_credentials&client_id=acme&client_secret=",
        "grant_type=client_credentials&client_id=acme&client_secret=globex-secret",
        "grant_type=client_credentials&client_id=nobody&client_secret=acme-secret",
    ] {
        let (status, headers, body) = post(&[("content-type", FORM)], form).await;
        assert_eq!(
            (status.as_u16(), &body),
            (401, &json!({"error": "invalid_client"})),
            "{form}"
        );
        assert!(!headers.contains_key("www-authenticate"));
    }
    assert_eq!(refused(&[], "").await, (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn who_tried_basic_is_told_that_it_is_basic_that_failed() {
    for authorization in [
        basic("acme:wrong"),
        basic("acme"),
        "Basic ?".to_owned(),
        "Bearer x".to_owned(),
    ] {
        let headers = [("content-type", FORM), ("authorization", authorization.as_str())];
        let (status, headers, body) = post(&headers, "grant_type=client_credentials").await;
        assert_eq!(
            (status.as_u16(), &body["error"]),
            (401, &json!("invalid_client")),
            "{authorization}"
        );
        assert!(
            headers["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Basic ")
        );
    }
}

#[tokio::test]
async fn a_request_that_is_wrong_gets_400() {
    let form = [("content-type", FORM)];
    let acme = "client_id=acme&client_secret=acme-secret";
    let invalid = (400, "invalid_request".to_owned());
    assert_eq!(refused(&form, acme).await, invalid);
    assert_eq!(
        refused(
            &form,
            &format!("grant_type=client_credentials&{acme}&client_id=acme")
        )
        .await,
        invalid
    );
    assert_eq!(
        refused(
            &form,
            &format!("grant_type=client_credentials&{acme}&x={}", "y".repeat(20_000))
        )
        .await,
        invalid
    );
    assert_eq!(
        refused(&[("content-type", "application/json")], "{}").await,
        invalid
    );
    assert_eq!(
        refused(&[], &format!("grant_type=client_credentials&{acme}")).await,
        invalid
    );
    let both = [
        ("content-type", FORM),
        ("authorization", &basic("acme:acme-secret")),
    ];
    assert_eq!(
        refused(&both, &format!("grant_type=client_credentials&{acme}")).await,
        invalid
    );
    assert_eq!(
        refused(&both, "grant_type=client_credentials&client_id=globex").await,
        invalid
    );

    let password = format!("grant_type=password&{acme}");
    assert_eq!(
        refused(&form, &password).await,
        (400, "unsupported_grant_type".to_owned())
    );
    for scope in ["jobs/admin", "jobs/read+work/execute", "x"] {
        let body = format!("grant_type=client_credentials&{acme}&scope={scope}");
        assert_eq!(
            refused(&form, &body).await,
            (400, "invalid_scope".to_owned()),
            "{scope}"
        );
    }
}

#[tokio::test]
async fn discovery_names_the_issuer_and_its_keys() {
    let get = |path: &str| send(Request::get(path).body(Body::empty()).unwrap());
    let (_, _, configuration) = get("/.well-known/openid-configuration").await;
    assert_eq!(configuration["issuer"], URL);
    assert_eq!(configuration["token_endpoint"], format!("{URL}/oauth2/token"));
    assert_eq!(configuration["jwks_uri"], format!("{URL}/.well-known/jwks.json"));

    let (_, _, keys) = get("/.well-known/jwks.json").await;
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(
        (keys.len(), &keys[0]["kid"], &keys[0]["alg"]),
        (1, &json!(DEVELOPMENT_KEY_ID), &json!("RS256"))
    );
    assert_eq!(keys[0].as_object().unwrap().len(), 6, "nothing private");
}

#[test]
fn tokens_are_made_without_http_too() {
    let issuer = Issuer::new("http://127.0.0.1:1/").unwrap();
    let token = issuer.token("operator", None, Duration::from_secs(5)).unwrap();
    let claims = claims(&token);
    assert_eq!(
        (&claims["iss"], &claims["scope"]),
        (&json!("http://127.0.0.1:1"), &json!("jobs/admin"))
    );
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        5
    );

    assert_eq!(
        clients().collect::<Vec<_>>(),
        ["acme", "globex", "worker", "operator"]
    );
    assert!(matches!(
        issuer.token("nobody", None, Duration::ZERO),
        Err(Error::ClientUnknown(_))
    ));
    let denied = issuer
        .token("acme", Some("jobs/read jobs/admin"), Duration::ZERO)
        .unwrap_err();
    assert_eq!(denied.to_string(), "acme may not have the scope jobs/admin");
    assert!(matches!(Issuer::new("127.0.0.1:8080"), Err(Error::Url(_))));
}
