//! Where an edge's descriptor set and service config come from, and taking them from there again on SIGHUP.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use postern_edge::upstream::Channels;
use postern_edge::{Edge, reflection};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli;

/// Where the descriptor set is: one of three places.
pub(super) enum Source {
    /// Postern's own API, as it was built.
    Own,
    /// An encoded descriptor set.
    File(PathBuf),
    /// The servers behind, by reflection.
    Servers(Channels),
}

/// Takes descriptor set and service config again whenever SIGHUP says so.
pub(super) struct Reload {
    source: Source,
    service_config: Option<PathBuf>,
    edge: Edge<Channels>,
    hangup: Signal,
}

impl Source {
    pub(super) fn new(args: &cli::Edge, channels: &Channels) -> Self {
        match &args.descriptor_set {
            Some(path) => Self::File(path.clone()),
            None if args.reflection => Self::Servers(channels.clone()),
            None => Self::Own,
        }
    }

    pub(super) async fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Own => Ok(postern_proto::DESCRIPTOR_SET.to_vec()),
            Self::File(path) => std::fs::read(path).with_context(|| path.display().to_string()),
            Self::Servers(channels) => Ok(reflection::descriptor_set(channels.clone()).await?.to_vec()),
        }
    }
}

impl Reload {
    /// From now on SIGHUP no longer ends the process.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub(super) fn new(
        source: Source,
        service_config: Option<PathBuf>,
        edge: Edge<Channels>,
    ) -> std::io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self {
            source,
            service_config,
            edge,
            hangup,
        })
    }

    pub(super) async fn run(mut self, until: CancellationToken) {
        loop {
            tokio::select! {
                () = until.cancelled() => return,
                _ = self.hangup.recv() => {}
            }
            let reloaded = tokio::select! {
                () = until.cancelled() => return,
                reloaded = self.reload() => reloaded,
            };
            match reloaded {
                Ok(()) => tracing::info!("routes reloaded"),
                Err(error) => {
                    // With what is behind it: the context alone names a file.
                    let error = format!("{error:#}");
                    tracing::error!(error, "routes refused, the old ones stay");
                }
            }
        }
    }

    async fn reload(&self) -> anyhow::Result<()> {
        let set = self.source.read().await?;
        let service_config = service_config(self.service_config.as_deref())?;
        Ok(self.edge.reload(set.into(), service_config.as_deref())?)
    }
}

/// The text of a service config, if there is to be one.
pub(super) fn service_config(path: Option<&Path>) -> anyhow::Result<Option<String>> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    path.map(read).transpose()
}
