//! The issuer over HTTP: the token endpoint, discovery and the keys.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Issuer;
use crate::client::scopes;
use crate::request::{Grant, Refusal};

const LIFETIME: Duration = Duration::from_hours(1);
const BODY_BYTES_MAX: usize = 16 * 1024;

pub(crate) fn router(issuer: Issuer) -> Router {
    Router::new()
        .route("/oauth2/token", post(token))
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/.well-known/jwks.json", get(keys))
        .with_state(issuer)
}

async fn token(State(issuer): State<Issuer>, headers: HeaderMap, body: Body) -> Response {
    let granted = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => Grant::read(&headers, &body),
        Err(_too_long_or_broken) => Err(Refusal::InvalidRequest),
    };
    let answer = match granted {
        Ok(Grant { client, scope }) => Json(json!({
            "access_token": issuer.sign(client, &scope, LIFETIME),
            "token_type": "Bearer",
            "expires_in": LIFETIME.as_secs(),
        }))
        .into_response(),
        Err(refusal) => refusal.into_response(),
    };
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

/// OpenID Connect Discovery 1.0 §3.
async fn configuration(State(issuer): State<Issuer>) -> Json<Value> {
    let url = issuer.url();
    Json(json!({
        "issuer": url,
        "token_endpoint": format!("{url}/oauth2/token"),
        "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": scopes(),
    }))
}

async fn keys(State(issuer): State<Issuer>) -> Json<Value> {
    Json(json!({"keys": [issuer.key().jwk()]}))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::InvalidClient { .. } => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope"),
        };
        let answer = (status, Json(json!({"error": error})));
        if matches!(self, Self::InvalidClient { basic: true }) {
            return ([(header::WWW_AUTHENTICATE, "Basic realm=\"postern\"")], answer).into_response();
        }
        answer.into_response()
    }
}
