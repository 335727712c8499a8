//! An issuer over HTTP, the loop that fetches its keys, and the authenticator that is tested. Everything is stopped in the end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use postern_issuer::{Issuer, SigningKey};
use postern_server::auth::{Authenticator, Caller, Config, Error};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::key_server::KeyServer;

pub(crate) struct World {
    pub(crate) authenticator: Authenticator,
    refresh_shutdown: CancellationToken,
    refresh: JoinSet<()>,
    // Ends with the world.
    _server: JoinSet<()>,
}

impl World {
    /// The development issuer as it is.
    pub(crate) async fn with_development_issuer(change: impl FnOnce(&mut Config)) -> (Self, Issuer) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Issuer::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut config = Config {
            issuers: vec![issuer.url().to_owned()],
            ..Config::default()
        };
        change(&mut config);
        (Self::start(config, listener, issuer.router()), issuer)
    }

    /// An issuer that can be told what to answer.
    pub(crate) async fn with_keys(keys: &[&SigningKey]) -> (Self, KeyServer) {
        let (server, listener, router) = KeyServer::new(keys).await;
        let config = Config {
            issuers: vec![server.url.clone()],
            ..Config::default()
        };
        (Self::start(config, listener, router), server)
    }

    fn start(config: Config, listener: TcpListener, router: Router) -> Self {
        // Tests of one process share the default; the first one sets it.
        let _set_already = rustls::crypto::ring::default_provider().install_default();
        let (authenticator, loop_) = Authenticator::new(config).unwrap();
        let mut server = JoinSet::new();
        server.spawn(async { axum::serve(listener, router).await.unwrap() });
        let (mut refresh, refresh_shutdown) = (JoinSet::new(), CancellationToken::new());
        refresh.spawn(loop_.run(refresh_shutdown.clone()));
        Self {
            authenticator,
            refresh_shutdown,
            refresh,
            _server: server,
        }
    }

    pub(crate) async fn check(&self, token: &str) -> Result<Caller, Error> {
        self.authenticator
            .authenticate(Some(&format!("Bearer {token}")))
            .await
    }

    pub(crate) async fn refuses(&self, token: &str) -> bool {
        matches!(self.check(token).await, Err(Error::Invalid(_)))
    }

    /// Ends the loop, which must not take its time about it.
    pub(crate) async fn stop(mut self) {
        self.refresh_shutdown.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.refresh.join_next()).await;
        ended
            .expect("the loop goes on after it was told to stop")
            .unwrap()
            .unwrap();
    }
}

/// The claims of a good token, changed; null takes one away.
pub(crate) fn claims(issuer: &str, change: &Value) -> Value {
    let now = unix_seconds();
    let mut claims = json!({
        "sub": "acme", "client_id": "acme", "token_use": "access", "scope": "jobs/read",
        "iss": issuer, "iat": now, "exp": now + 3600,
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A key that is not the development key.
pub(crate) fn second_key() -> SigningKey {
    SigningKey::from_pem(include_str!("second-key.pem")).unwrap()
}

/// The development key.
pub(crate) fn first_key() -> SigningKey {
    SigningKey::from_pem(include_str!("../../../issuer/development-key.pem")).unwrap()
}

/// Time goes by. The runtime must have one thread; what waits on a socket meanwhile is not hurried.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
