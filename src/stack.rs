//! The whole of Postern in one process on embedded defaults: what `dev`, `demo` and the integration tests start.
//!
//! The parts are the same as in production, and talk to each other the same way: SQS over HTTP, tokens checked against the issuer's keys
//! over HTTP. Only the edge calls its server in process.

mod secret;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use axum::Router;
use postern_edge::{Meters, ServeConfig};
use postern_issuer::Issuer;
use postern_server::catalog::Catalog;
use postern_server::seal::Seal;
use postern_server::{Server, auth, queue};
use postern_worker::{ClientCredentials, Consumer};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::config::Config;
use crate::role::{self, bind};

/// A stack that runs. Stop it with [`Stack::stop`].
#[derive(Debug)]
pub struct Stack {
    /// Where everything can be reached.
    pub addresses: Addresses,
    /// Makes tokens, where the stack has its own issuer.
    pub issuer: Issuer,
    shutdown: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
    /// The SQS endpoint outlives those who use it.
    sqs_shutdown: CancellationToken,
    sqs: JoinSet<anyhow::Result<()>>,
}

/// Where a stack's parts listen.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// REST, SSE, gRPC, gRPC-Web, and the development issuer.
    pub edge: SocketAddr,
    /// gRPC.
    pub grpc: SocketAddr,
    /// The SQS endpoint, as a URL.
    pub sqs: String,
    /// `/livez`, `/readyz`, `/metrics`.
    pub admin: SocketAddr,
    /// Where the shards of the example consumer are.
    pub shards: PathBuf,
}

impl Stack {
    /// Starts every part; when this returns, all of them answer.
    ///
    /// # Errors
    /// When a part cannot start: a port that is taken, a data folder in use.
    pub async fn start(config: &Config, worker: bool) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data_dir).with_context(|| config.data_dir.display().to_string())?;
        let (shutdown, sqs_shutdown) = (CancellationToken::new(), CancellationToken::new());
        let (mut tasks, mut sqs) = (JoinSet::new(), JoinSet::new());
        let sqs_url = start_sqs(config, &mut sqs, &sqs_shutdown).await?;
        let edge_listener = bind("edge", config.edge_listen).await?;
        let grpc_listener = bind("grpc", config.grpc_listen).await?;
        let admin_listener = bind("admin", config.admin_listen.unwrap_or(admin::SERVER_DEFAULT)).await?;
        let addresses = Addresses {
            edge: edge_listener.local_addr()?,
            grpc: grpc_listener.local_addr()?,
            sqs: sqs_url,
            admin: admin_listener.local_addr()?,
            shards: config.data_dir.join("shards"),
        };
        let issuer = issuer(addresses.edge)?;
        // By itself: whoever waits for a stack need not have room for all of it.
        let server = Box::pin(build_server(config, &addresses, &issuer, &shutdown)).await?;
        let mut metrics = Registry::default();
        server.register(&mut metrics);
        let front = front(config, &issuer, &server, &mut metrics)?;
        tasks.spawn(admin::serve(
            admin_listener,
            admin::store(server.store().clone()),
            metrics,
            shutdown.clone(),
        ));
        tasks.spawn(run_edge(edge_listener, front, shutdown.clone()));
        tasks.spawn(run_server(server, grpc_listener));
        if worker {
            let consumer = example_consumer(config, &addresses).await?;
            tasks.spawn(run_consumer(consumer, shutdown.clone()));
        }
        Ok(Self {
            addresses,
            issuer,
            shutdown,
            tasks,
            sqs_shutdown,
            sqs,
        })
    }

    /// Runs until the token is cancelled or a part fails, then stops.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn run(mut self, until: CancellationToken) -> anyhow::Result<()> {
        let failed = tokio::select! {
            () = until.cancelled() => None,
            Some(ended) = self.tasks.join_next() => Some(ended),
            // Without an endpoint of its own there is nothing here to end.
            Some(ended) = self.sqs.join_next() => Some(ended),
        };
        let failure = failed.map(|ended| ended.map_err(anyhow::Error::from).flatten());
        let stopped = self.stop().await;
        match failure {
            Some(Err(error)) => Err(error),
            Some(Ok(())) => Err(anyhow::anyhow!("a part of the stack ended")),
            None => stopped,
        }
    }

    /// Stops every part, and waits until all have.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        let used = drain(&mut self.tasks).await;
        self.sqs_shutdown.cancel();
        used.and(drain(&mut self.sqs).await)
    }
}

/// The development issuer of an edge that listens here. Its tokens name it by loopback: plain HTTP is allowed there alone.
pub(crate) fn issuer(edge: SocketAddr) -> anyhow::Result<Issuer> {
    Ok(Issuer::new(&edge_url(edge))?)
}

/// Where this machine reaches an edge that listens here.
pub(crate) fn edge_url(edge: SocketAddr) -> String {
    let host = match edge.ip() {
        any if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        given => given,
    };
    format!("http://{}", SocketAddr::new(host, edge.port()))
}

async fn drain(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        result = result.and(ended.map_err(anyhow::Error::from).flatten());
    }
    result
}

/// The embedded endpoint, unless there is another: its URL.
async fn start_sqs(
    config: &Config,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    shutdown: &CancellationToken,
) -> anyhow::Result<String> {
    if let Some(endpoint) = &config.sqs_endpoint {
        return Ok(endpoint.clone());
    }
    let listener = bind("sqs", config.sqs_listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let endpoint = role::sqs::open(config).await?;
    let shutdown = shutdown.clone();
    tasks.spawn(async move { Ok(endpoint.serve(listener, shutdown).await?) });
    Ok(url)
}

/// The edge, and the issuer beside it.
fn front(
    config: &Config,
    issuer: &Issuer,
    server: &Server,
    metrics: &mut Registry,
) -> anyhow::Result<Router> {
    let mut edge = role::edge::config(None, config)?;
    edge.meters = Some(Meters::register(metrics));
    let edge = edge.build(server.service())?;
    Ok(Router::new().merge(issuer.router()).fallback_service(edge))
}

async fn build_server(
    config: &Config,
    addresses: &Addresses,
    issuer: &Issuer,
    shutdown: &CancellationToken,
) -> anyhow::Result<Server> {
    let catalog = Catalog::load(&role::catalog::source(config))?;
    let queues = role::server::queues(config, Some(addresses.sqs.clone()));
    queue::create(&queues, catalog.queues()).await?;
    let issuers = if config.issuers.is_empty() {
        vec![issuer.url().to_owned()]
    } else {
        config.issuers.clone()
    };
    let server = postern_server::Config {
        store: role::server::database(config),
        migrate: true,
        queues,
        catalog,
        auth: auth::Config {
            issuers,
            partners: role::server::partners(config),
            refused_key_ids: Vec::new(),
        },
        seal: match &config.secret_key {
            Some(keys) => Seal::parse(keys).context("secret_key")?,
            None => secret::load_or_generate(&config.data_dir)?,
        },
    };
    Ok(server.build(shutdown.clone()).await?)
}

async fn run_edge(listener: TcpListener, front: Router, shutdown: CancellationToken) -> anyhow::Result<()> {
    postern_edge::serve(listener, front, ServeConfig::default(), shutdown).await;
    Ok(())
}

async fn run_server(server: Server, listener: TcpListener) -> anyhow::Result<()> {
    Ok(server.run(listener).await?)
}

/// The example consumer of a stack, on its own SQS client, as it would run elsewhere.
///
/// # Errors
/// When the queues cannot be reached.
pub async fn example_consumer(config: &Config, addresses: &Addresses) -> anyhow::Result<Consumer> {
    let client = postern_worker::sqs_client(Some(&addresses.sqs)).await;
    let (jobs_queue, results_queue) = (&config.jobs_queue, &config.results_queue);
    let mut builder = contacts_import::builder(client, jobs_queue, results_queue, &addresses.shards);
    // Another issuer's tokens are not ours to have.
    if config.issuers.is_empty() {
        let edge_url = edge_url(addresses.edge);
        let tokens = ClientCredentials::new(format!("{edge_url}/oauth2/token"), "worker", "worker-secret");
        builder = builder.work_service(edge_url, tokens);
    }
    Ok(builder.build().await?)
}

async fn run_consumer(consumer: Consumer, shutdown: CancellationToken) -> anyhow::Result<()> {
    consumer.run(shutdown).await;
    Ok(())
}
