//! The gRPC server of Postern and its loops: partners submit jobs and learn what became of them; consumers behind SQS execute them.
//!
//! Down one side (`api` → `store` → `dispatch` → `queue`), up the other (`queue` → `collect` → `store` → `hub` → `api`). Every room is
//! described in ARCHITECTURE.md; which may import which is asserted by `tests/rooms.rs`.

pub mod api;
pub mod auth;
mod backoff;
mod canonical;
pub mod catalog;
pub mod collect;
pub mod dispatch;
pub mod hub;
pub mod job;
pub mod json;
mod linger;
pub mod listening;
pub mod meters;
pub mod queue;
pub mod replay;
pub mod seal;
mod serve;
pub mod store;
pub mod sweep;
pub mod vitals;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Layer as _;

use api::{Api, Door, DoorLayer, PayloadLimit};
use auth::{Authenticator, Rules};
use catalog::Catalog;
use collect::Collect;
use dispatch::Dispatch;
use hub::Hub;
use job::Timestamp;
use listening::Listening;
use meters::Meters;
use replay::Replay;
use seal::Seal;
use store::Store;
use sweep::{DeadLetterReader, DeadLetters, Deadlines, Retention, Sweep};
use vitals::Vitals;

/// How long what is under way may go on after the shutdown began.
const GRACE: Duration = Duration::from_secs(10);

/// Everything that a server must be told.
#[derive(Debug)]
pub struct Config {
    /// The database.
    pub store: store::Config,
    /// Whether to apply missing migrations at the start, where one process alone uses the database.
    pub migrate: bool,
    /// The queues.
    pub queues: queue::Config,
    /// The job types.
    pub catalog: Catalog,
    /// Issuers and partners.
    pub auth: auth::Config,
    /// The keys of tokens.
    pub seal: Seal,
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    routes: Routes,
    door: DoorLayer,
    store: Store,
    hub: Hub,
    dispatch: Dispatch,
    collect: Collect,
    replay: Replay,
    sweep: Sweep,
    refresh: auth::Refresh,
    meters: Meters,
    requests: meters::Requests,
    vitals: Vitals,
    shutdown: CancellationToken,
}

/// Why a server could not be built, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The queues cannot be used.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// Tokens could not be checked.
    #[error(transparent)]
    Auth(#[from] auth::ConfigError),
    /// A method has no rule.
    #[error(transparent)]
    Rules(#[from] auth::RulesError),
    /// The descriptors cannot be served.
    #[error(transparent)]
    Reflection(#[from] api::ReflectionError),
    /// The schema is older than this server.
    #[error("the database lacks {0} migrations: run `postern migrate`")]
    Migrations(usize),
    /// The listener failed.
    #[error("the gRPC listener failed")]
    Listener(#[from] tonic::transport::Error),
    /// A loop failed.
    #[error("a loop of the server failed")]
    Loop(#[from] JoinError),
    /// A loop ended although nobody told it to.
    #[error("a loop of the server ended")]
    Ended,
}

impl Config {
    /// Connects to everything and reads what it must know. Nothing runs and no port is bound yet. The token ends the server.
    ///
    /// # Errors
    /// [`Error`] says what is missing.
    pub async fn build(self, shutdown: CancellationToken) -> Result<Server, Error> {
        let rules = Rules::load(postern_proto::DESCRIPTOR_SET, &api::SERVICES, &api::OPEN_SERVICES)?;
        let (authenticator, refresh) = Authenticator::new(self.auth)?;
        let store = open(&self.store, self.migrate).await?;
        let queues = queue::open(&self.queues, self.catalog.queues()).await?;
        let (catalog, hub, seal) = (Arc::new(self.catalog), Hub::default(), self.seal);
        let listening = Listening::new(Timestamp::now());
        let meters = Meters::default();
        let vitals = Vitals::new(store.clone(), queues.census, Arc::clone(&catalog), hub.clone());
        let api = Api {
            store: store.clone(),
            hub: hub.clone(),
            catalog: Arc::clone(&catalog),
            seal: seal.clone(),
            payload_bytes_max: payload_limit(queues.jobs.clone()),
            vitals: vitals.clone(),
            shutdown: shutdown.clone(),
        };
        let dead_letters = dead_letters(queues.dead_letters, &api, &meters);
        Ok(Server {
            replay: replay(&api),
            routes: api.routes().await?,
            door: DoorLayer::new(authenticator, rules, shutdown.clone()).counting(meters.calls.clone()),
            hub,
            dispatch: Dispatch {
                store: store.clone(),
                jobs: queues.jobs,
                catalog: Arc::clone(&catalog),
                seal: seal.clone(),
                meters: meters.dispatched.clone(),
            },
            sweep: Sweep {
                dead_letters,
                deadlines: Deadlines {
                    store: store.clone(),
                    results: queues.results.clone(),
                    listening: listening.clone(),
                    meters: meters.swept.clone(),
                },
                retention: Retention {
                    store: store.clone(),
                    meters: meters.swept.clone(),
                },
            },
            collect: Collect {
                store: store.clone(),
                results: queues.results,
                reader: collect::Reader { catalog, seal },
                listening,
                meters: meters.collected.clone(),
            },
            store,
            refresh,
            meters,
            requests: queues.requests,
            vitals,
            shutdown,
        })
    }
}

/// The loop that reads these dead letters.
fn dead_letters(letters: queue::DeadLetters, api: &Api, meters: &Meters) -> DeadLetters {
    DeadLetters {
        store: api.store.clone(),
        letters,
        reader: dead_letter_reader(api),
        meters: meters.swept.clone(),
    }
}

/// The loop that reads messages of the quarantine again, as those are read that arrive.
fn replay(api: &Api) -> Replay {
    Replay {
        store: api.store.clone(),
        outcomes: collect::Reader {
            catalog: Arc::clone(&api.catalog),
            seal: api.seal.clone(),
        },
        dead_letters: dead_letter_reader(api),
    }
}

fn dead_letter_reader(api: &Api) -> DeadLetterReader {
    DeadLetterReader {
        catalog: Arc::clone(&api.catalog),
        seal: api.seal.clone(),
        grace: sweep::GRACE,
    }
}

/// What a job type's queue takes.
fn payload_limit(jobs: queue::Jobs) -> PayloadLimit {
    PayloadLimit::known(move |job_type| jobs.payload_bytes_max(job_type.queue()))
}

/// The database, with the schema that this server needs, and told that a server starts.
async fn open(config: &store::Config, migrate: bool) -> Result<Store, Error> {
    let store = Store::open(config).await?;
    if migrate {
        store.migrate().await?;
    }
    match store.pending_migrations().await? {
        0 => {}
        pending => return Err(Error::Migrations(pending)),
    }
    store.mark_start(Timestamp::now()).await?;
    Ok(store)
}

impl Server {
    /// The services behind their door, for an edge in the same process.
    #[must_use]
    pub fn service(&self) -> Door<Routes> {
        self.door.layer(self.routes.clone())
    }

    /// The database, for those who ask after its health.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Shows in a registry what this server counts.
    pub fn register(&self, registry: &mut Registry) {
        self.meters.register(registry);
        self.requests.register(registry);
        self.store.transactions().register(registry);
        self.vitals.register(registry);
    }

    /// Serves and runs every loop until the token ends it, then lets what is under way finish, for a while.
    ///
    /// # Errors
    /// When the listener or a loop fails.
    pub async fn run(self, listener: TcpListener) -> Result<(), Error> {
        let shutdown = self.shutdown;
        let (mut tasks, all_told) = (JoinSet::new(), CancellationToken::new());
        if let Some(relay) = self.store.relay() {
            tasks.spawn(done(relay.run(all_told.clone())));
        }
        let changes = self.store.signals().changes();
        tasks.spawn(done(self.hub.run(changes, shutdown.clone())));
        tasks.spawn(done(self.dispatch.run(shutdown.clone())));
        tasks.spawn(done(self.collect.run(shutdown.clone())));
        tasks.spawn(done(self.replay.run(shutdown.clone())));
        tasks.spawn(done(self.sweep.run(shutdown.clone())));
        tasks.spawn(done(self.refresh.run(shutdown.clone())));
        tasks.spawn(done(self.vitals.run(shutdown.clone())));
        tasks.spawn(serve::serve(listener, self.door, self.routes, shutdown.clone()));

        let result = first_end(&mut tasks, &shutdown).await;
        shutdown.cancel();
        let drained = async {
            while tasks.join_next().await.is_some() {
                // The relay alone is left, to tell what the others did last.
                if tasks.len() == 1 {
                    all_told.cancel();
                }
            }
        };
        if tokio::time::timeout(GRACE, drained).await.is_err() {
            tracing::warn!("what was still under way after the grace time is cut off");
        }
        result
    }
}

async fn done(task: impl Future<Output = ()>) -> Result<(), tonic::transport::Error> {
    task.await;
    Ok(())
}

/// Waits until the shutdown, or until something ends before it.
async fn first_end(
    tasks: &mut JoinSet<Result<(), tonic::transport::Error>>,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => Ok(()),
        Some(ended) = tasks.join_next() => {
            ended??;
            Err(Error::Ended)
        }
    }
}
