//! The endpoint as its users see it: open a data folder, serve a listener, until told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::line::Lines;
use crate::serve;
use crate::store::{self, Database};

/// Where the endpoint keeps its messages, and its limits.
#[derive(Debug, Clone)]
pub struct Config {
    /// Holds `sqs.sqlite` and `sqs.lock`; made when it is missing. Other files in it do not matter.
    pub data_dir: PathBuf,
    /// Connections served at a time; further ones wait to be accepted.
    pub connections_max: usize,
    /// Receivers waiting at a time, over all queues; a further one is answered `RequestThrottled`.
    pub waiting_receivers_max: usize,
}

impl Config {
    /// The defaults: 1,024 connections, 1,000 waiting receivers.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            connections_max: 1_024,
            waiting_receivers_max: 1_000,
        }
    }
}

/// Why an endpoint does not open, or no longer serves.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process, or another endpoint of this one, has the folder open.
    #[error("the data folder {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The folder was written by a newer version than this one.
    #[error("the data folder has schema version {found}, this program knows {known}")]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// The folder cannot be made, read or written.
    #[error("the data folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// The database in the folder cannot be opened.
    #[error("the database cannot be opened")]
    Database(#[from] sqlx::Error),
    /// The listener is of no use.
    #[error("the listener cannot be used")]
    Listener(#[source] std::io::Error),
}

/// An open data folder. Clones are cheap and share it; it is released when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Endpoint {
    config: Arc<Config>,
    database: Arc<Mutex<Database>>,
    lines: Arc<Lines>,
}

impl Endpoint {
    /// Opens the folder, alone.
    ///
    /// # Errors
    /// [`Error::InUse`] when someone else has it open; otherwise whatever keeps it from being read.
    pub async fn open(config: Config) -> Result<Self, Error> {
        let database = Database::open(&config.data_dir).await?;
        Ok(Self {
            config: Arc::new(config),
            database: Arc::new(Mutex::new(database)),
            lines: Arc::default(),
        })
    }

    /// Answers requests until `shutdown` is cancelled. Long polls then end at once with no messages, requests under way
    /// have one second. Several listeners may be served at the same time.
    ///
    /// # Errors
    /// [`Error::Listener`] when the listener has no local address.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> Result<(), Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let (store, commits) = store::start(self.database, Arc::clone(&self.lines));
        let waiting = Semaphore::new(self.config.waiting_receivers_max);
        let api = Api::new(store, self.lines, waiting, shutdown.clone());
        tracing::info!(listen = %address, "sqs endpoint ready");
        // The commit loop ends by itself once the last connection, and with it the last way to reach it, is gone.
        tokio::join!(
            serve::Server::new(listener, api, self.config.connections_max).run(shutdown),
            commits.run()
        );
        tracing::info!(listen = %address, "sqs endpoint stopped");
        Ok(())
    }
}
