//! `postern edge`: REST, SSE, gRPC and gRPC-Web in front of any gRPC service.

mod source;

use std::path::Path;

use anyhow::{Context as _, ensure};
use postern_edge::upstream::Checks;
use postern_edge::{Documents, Meters, Security, ServeConfig};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use self::source::{Reload, Source};
use super::bind;
use crate::config::{Config, Settings};
use crate::console::say;
use crate::{admin, cli};

/// Serves until the token is cancelled, or checks what would be served.
///
/// # Errors
/// When the descriptor set cannot be used, or the port is taken.
pub async fn run(config: Config, args: cli::Edge, until: CancellationToken) -> anyhow::Result<()> {
    let config = with_args(config, &args)?;
    match args.command {
        Some(cli::EdgeCommand::Check) => {
            let channels = postern_edge::upstream::channel(&config.edge_upstream.join(","))?;
            let set = Source::new(&args, &channels).read().await?;
            check(&set, config.edge_service_config.as_deref())
        }
        None => serve(config, args, until).await,
    }
}

async fn serve(config: Config, args: cli::Edge, until: CancellationToken) -> anyhow::Result<()> {
    let limits = &config.edge.limits;
    let calls_max = limits.calls_max.saturating_add(limits.streams_max);
    let channels = postern_edge::upstream::channel(&config.edge_upstream.join(","))?.for_calls(calls_max);
    let source = Source::new(&args, &channels);
    let mut settings = self::config(args.descriptor_set.as_deref(), &config)?;
    let mut metrics = Registry::default();
    settings.meters = Some(Meters::register(&mut metrics));
    if let Source::Servers(_) = source {
        settings.descriptor_set = source.read().await?.into();
        settings.documents = Some(Documents::default());
    }
    let checks = config
        .edge_health_check_interval
        .map(|interval| channels.checks().every(interval));
    let edge = settings.build(channels)?;
    let reload = Reload::new(source, config.edge_service_config, edge.clone())?;
    let serving = ServeConfig {
        connections_max: config.edge_connections_max,
        ..ServeConfig::default()
    };
    let listener = bind("edge", config.edge_listen).await?;
    let admin = bind("admin", config.admin_listen.unwrap_or(admin::EDGE_DEFAULT)).await?;
    say(&format!(
        "edge   http://{}\nadmin  http://{}",
        listener.local_addr()?,
        admin.local_addr()?
    ));
    let ((), (), (), served) = tokio::join!(
        postern_edge::serve(listener, edge, serving, until.clone()),
        reload.run(until.clone()),
        ask(checks, until.clone()),
        admin::serve(admin, admin::always(), metrics, until)
    );
    served
}

/// Asks the servers how they are, unless that is turned off.
async fn ask(checks: Option<Checks>, until: CancellationToken) {
    if let Some(checks) = checks {
        checks.run(until).await;
    }
}

/// The route table and every problem.
fn check(descriptor_set: &[u8], service_config: Option<&Path>) -> anyhow::Result<()> {
    let service_config = source::service_config(service_config)?;
    let report = postern_edge::check::check(descriptor_set, service_config.as_deref())?;
    say(&report.to_string());
    ensure!(report.problems.is_empty(), "an edge would not start with this");
    Ok(())
}

/// An edge for this descriptor set, or for Postern's own API.
pub(crate) fn config(descriptor_set: Option<&Path>, config: &Config) -> anyhow::Result<postern_edge::Config> {
    Ok(postern_edge::Config {
        descriptor_set: self::descriptor_set(descriptor_set)?.into(),
        service_config: source::service_config(config.edge_service_config.as_deref())?,
        documents: Some(match descriptor_set {
            Some(_) => Documents::default(),
            None => documents(),
        }),
        ..config.edge.clone()
    })
}

fn descriptor_set(path: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    match path {
        Some(path) => std::fs::read(path).with_context(|| path.display().to_string()),
        None => Ok(postern_proto::DESCRIPTOR_SET.to_vec()),
    }
}

/// What Postern says of its own API.
fn documents() -> Documents {
    Documents {
        title: "Postern".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description:
            "A partner API for asynchronous jobs: submit one, then poll it or watch it until it ends."
                .to_owned(),
        security: Security::Bearer,
    }
}

/// What the command line says wins.
fn with_args(config: Config, args: &cli::Edge) -> anyhow::Result<Config> {
    let given = Config::from_settings(Settings {
        edge_listen: args.listen.clone(),
        edge_upstream: args.upstream.clone(),
        ..Settings::default()
    })?;
    Ok(Config {
        edge_listen: if args.listen.is_some() {
            given.edge_listen
        } else {
            config.edge_listen
        },
        edge_upstream: if args.upstream.is_some() {
            given.edge_upstream
        } else {
            config.edge_upstream
        },
        edge_service_config: args.service_config.clone().or(config.edge_service_config),
        ..config
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_served_fails_its_check() {
        let own = postern_proto::DESCRIPTOR_SET;
        check(own, None).unwrap();
        assert!(check(b"nonsense", None).is_err());
        let no_config = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(check(own, Some(&no_config)).is_err());
    }
}
