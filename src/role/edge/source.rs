//! Where an edge's descriptor set comes from, and taking it from there again on SIGHUP.

use std::path::PathBuf;

use anyhow::Context as _;
use postern_edge::upstream::Channels;
use postern_edge::{Edge, reflection};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli;

/// One of three places.
pub(super) enum Source {
    /// Postern's own API, as it was built.
    Own,
    /// An encoded descriptor set.
    File(PathBuf),
    /// The servers behind, by reflection.
    Servers(Channels),
}

/// Takes the descriptor set again whenever SIGHUP says so.
pub(super) struct Reload {
    source: Source,
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
    pub(super) fn new(source: Source, edge: Edge<Channels>) -> std::io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self { source, edge, hangup })
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
                Ok(()) => tracing::info!("descriptor set reloaded"),
                Err(error) => tracing::error!(%error, "descriptor set refused, the old one stays"),
            }
        }
    }

    async fn reload(&self) -> anyhow::Result<()> {
        let set = self.source.read().await?;
        Ok(self.edge.reload(set.into())?)
    }
}
