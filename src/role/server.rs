//! `postern server`: the gRPC server and its loops. `postern migrate`: its schema.

use std::fmt::Display;

use anyhow::Context as _;
use postern_server::catalog::{Catalog, Source};
use postern_server::seal::Seal;
use postern_server::{auth, queue, store};
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bind;
use crate::admin;
use crate::config::{Config, Errors};
use crate::console::say;

/// Keys whose private half anybody can read: those of the development issuer.
const REFUSED_KEYS: [&str; 1] = [postern_issuer::DEVELOPMENT_KEY_ID];

/// Serves until the token is cancelled.
///
/// # Errors
/// When a setting is missing, or a part cannot start.
pub async fn run(config: Config, until: CancellationToken) -> anyhow::Result<()> {
    config.require_for_server()?;
    let server = tokio::select! {
        built = server_config(&config)?.build(until.clone()) => built?,
        () = until.cancelled() => return Ok(()),
    };
    let grpc = bind("grpc", config.grpc_listen).await?;
    let admin = bind("admin", config.admin_listen.unwrap_or(admin::SERVER_DEFAULT)).await?;
    say(&format!(
        "grpc   {}\nadmin  http://{}",
        grpc.local_addr()?,
        admin.local_addr()?
    ));
    let mut metrics = Registry::default();
    server.register(&mut metrics);
    let mut tasks = JoinSet::new();
    tasks.spawn(admin::serve(
        admin,
        admin::store(server.store().clone()),
        metrics,
        until.clone(),
    ));
    let result = server.run(grpc).await;
    until.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(result?)
}

/// Applies what migrations are missing.
///
/// # Errors
/// When the database cannot be reached, or a migration fails.
pub async fn migrate(config: Config) -> anyhow::Result<()> {
    if let Some(folder) = config
        .database_url
        .starts_with("sqlite:")
        .then_some(&config.data_dir)
    {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let store = store::Store::open(&database(&config)).await?;
    let applied = store.migrate().await?;
    say(&format!("{applied} migrations applied"));
    Ok(())
}

/// Settings as the rooms read them: all that is wrong is told at once, whichever room knows it.
fn server_config(config: &Config) -> anyhow::Result<postern_server::Config> {
    let auth = auth(config);
    let read = (
        Catalog::load(&Source::Folder(config.catalog.clone().unwrap_or_default())),
        Seal::parse(config.secret_key.as_deref().unwrap_or_default()),
        auth::Authenticator::new(auth.clone()),
    );
    let (catalog, seal) = match read {
        (Ok(catalog), Ok(seal), Ok(_)) => (catalog, seal),
        (catalog, seal, authenticator) => {
            let faults = [
                fault("catalog", catalog),
                fault("secret_key", seal),
                fault("issuer, partners", authenticator),
            ];
            return Err(Errors::found(faults.into_iter().flatten()).into());
        }
    };
    Ok(postern_server::Config {
        store: database(config),
        migrate: false,
        queues: queues(config, config.sqs_endpoint.clone()),
        catalog,
        auth,
        seal,
    })
}

fn fault<T>(setting: &str, read: Result<T, impl Display>) -> Option<String> {
    read.err().map(|error| format!("{setting}: {error}"))
}

/// Whose tokens count.
pub(crate) fn auth(config: &Config) -> auth::Config {
    auth::Config {
        issuers: config.issuers.clone(),
        partners: partners(config),
        refused_key_ids: REFUSED_KEYS.map(str::to_owned).to_vec(),
    }
}

pub(crate) fn database(config: &Config) -> store::Config {
    store::Config {
        url: config.database_url.clone(),
        connections_max: config.database_connections_max,
        listen_url: config.database_listen_url.clone(),
    }
}

pub(crate) fn queues(config: &Config, endpoint: Option<String>) -> queue::Config {
    queue::Config {
        endpoint,
        jobs: config.jobs_queue.clone(),
        results: config.results_queue.clone(),
    }
}

pub(crate) fn partners(config: &Config) -> Vec<auth::PartnerConfig> {
    let partner = |partner: &crate::config::Partner| auth::PartnerConfig {
        id: partner.id.clone(),
        issuer: partner.issuer.clone(),
        clients: partner.clients.clone(),
    };
    config.partners.iter().map(partner).collect()
}
