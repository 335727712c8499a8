//! A whole installation of real processes, on loopback and in a folder of its own: SQS endpoint, database, servers, edges, consumers, and an
//! issuer that is not the development one.

mod ports;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use postern_issuer::{Issuer, SigningKey};
use postern_pgtest::Server;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;
use crate::part::{Kind, Part, Program, Ready, Role};
use crate::supervisor::{Handle, Supervisor};

/// Made for this crate with `openssl genpkey -algorithm RSA`.
const ISSUER_KEY: &str = include_str!("../issuer-key.pem");
/// 32 bytes in base64.
const SECRET_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The job types of the repository.
const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../catalog");
/// What a killed process had received comes again after so long, where production waits 30.
const VISIBILITY_SECONDS: u32 = 2;
const LOG: &str = "info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,aws_config=warn,h2=warn,hyper=warn";

/// Which database an installation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Database {
    /// A SQLite file: one server, one edge.
    Sqlite,
    /// PostgreSQL of its own: three servers, two edges, and it is killed too.
    Postgres,
}

/// The programs that an installation is made of.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `postern`.
    pub postern: PathBuf,
    /// The example consumer.
    pub consumer: PathBuf,
}

/// An installation that runs.
#[derive(Debug)]
pub(crate) struct Installation {
    /// The edges, as URLs.
    pub(crate) edges: Vec<String>,
    /// Who makes tokens.
    pub(crate) issuer: Issuer,
    /// Who kills what.
    pub(crate) handles: Vec<Handle>,
    /// Where the consumer's databases are.
    pub(crate) shards: PathBuf,
    tasks: JoinSet<anyhow::Result<()>>,
    until: CancellationToken,
}

/// What is known while an installation is put together.
struct Plan<'a> {
    programs: &'a Programs,
    folder: &'a Path,
    issuer: String,
    database: String,
    sqs: u16,
    servers: Vec<u16>,
    edges: Vec<u16>,
}

impl Installation {
    /// Starts every part in this folder; when this returns, all are up.
    ///
    /// # Errors
    /// When a part cannot start.
    pub(crate) async fn start(
        programs: &Programs,
        database: Database,
        folder: &Path,
        ledger: &Arc<Ledger>,
    ) -> anyhow::Result<Self> {
        let (mut tasks, until) = (JoinSet::new(), CancellationToken::new());
        let issuer = issuer(&mut tasks, &until).await?;
        let (url, server) = open(database, folder).await?;
        let plan = Plan::new(programs, database, folder, &issuer, url)?;
        let mut sqs = plan.sqs();
        sqs.start().await.context("sqs")?;
        create_queues(&plan.sqs_url()).await?;
        plan.migrate().await?;
        let mut parts = vec![sqs];
        parts.extend(server.map(|server| Part {
            role: Role::Database,
            number: 0,
            kind: Kind::Database(Some(server), true),
        }));
        parts.extend(plan.rest());
        let mut handles = Vec::new();
        for mut part in parts {
            part.start().await.with_context(|| part.to_string())?;
            let (supervisor, handle) = Supervisor::new(part, Arc::clone(ledger));
            handles.push(handle);
            tasks.spawn(supervisor.run(until.clone()));
        }
        Ok(Self {
            edges: plan.edges.iter().map(|port| url_of(*port)).collect(),
            issuer,
            handles,
            shards: folder.join("shards"),
            tasks,
            until,
        })
    }

    /// Returns once every part is up, or says which are not after this time.
    ///
    /// # Errors
    /// The names of those that are down.
    pub(crate) async fn all_up(&mut self, patience: Duration) -> Result<(), String> {
        let all = async {
            for handle in &mut self.handles {
                handle.up().await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_ok() {
            return Ok(());
        }
        let down = self.handles.iter().filter(|handle| !handle.is_up());
        Err(down
            .map(|handle| handle.name.as_str())
            .collect::<Vec<_>>()
            .join(", "))
    }

    /// Ends every part.
    ///
    /// # Errors
    /// When a part could not be ended.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.until.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl<'a> Plan<'a> {
    fn new(
        programs: &'a Programs,
        database: Database,
        folder: &'a Path,
        issuer: &Issuer,
        url: String,
    ) -> anyhow::Result<Self> {
        let (servers, edges) = match database {
            Database::Sqlite => (1, 1),
            Database::Postgres => (3, 2),
        };
        let mut ports = ports::free(1 + servers + edges)?;
        let (edges, servers) = (ports.split_off(1 + servers), ports.split_off(1));
        Ok(Self {
            programs,
            folder,
            issuer: issuer.url().to_owned(),
            database: url,
            sqs: ports[0],
            servers,
            edges,
        })
    }

    fn sqs_url(&self) -> String {
        url_of(self.sqs)
    }

    fn sqs(&self) -> Part {
        let environment = vec![("POSTERN_SQS_LISTEN", address(self.sqs))];
        self.part(Role::Sqs, 0, environment)
    }

    /// All that needs the queues and the database.
    fn rest(&self) -> Vec<Part> {
        let servers = self
            .servers
            .iter()
            .enumerate()
            .map(|(number, port)| self.server(number, *port));
        let edges = self
            .edges
            .iter()
            .enumerate()
            .map(|(number, port)| self.edge(number, *port));
        let consumers = (0..2).map(|number| self.consumer(number));
        servers.chain(edges).chain(consumers).collect()
    }

    fn server(&self, number: usize, port: u16) -> Part {
        let mut environment = self.database();
        environment.extend([
            ("POSTERN_GRPC_LISTEN", address(port)),
            ("POSTERN_CATALOG", CATALOG.to_owned()),
            ("POSTERN_ISSUER", self.issuer.clone()),
            ("POSTERN_SECRET_KEY", SECRET_KEY.to_owned()),
            ("POSTERN_SQS_ENDPOINT", self.sqs_url()),
        ]);
        self.part(Role::Server, number, environment)
    }

    fn edge(&self, number: usize, port: u16) -> Part {
        let servers: Vec<_> = self.servers.iter().map(|port| url_of(*port)).collect();
        let environment = vec![
            ("POSTERN_EDGE_LISTEN", address(port)),
            ("POSTERN_EDGE_UPSTREAM", servers.join(",")),
            ("POSTERN_EDGE_HEALTH_CHECK_SECONDS", "1".to_owned()),
        ];
        self.part(Role::Edge, number, environment)
    }

    fn consumer(&self, number: usize) -> Part {
        let environment = vec![("POSTERN_SQS_ENDPOINT", self.sqs_url())];
        self.part(Role::Consumer, number, environment)
    }

    fn database(&self) -> Vec<(&'static str, String)> {
        vec![("POSTERN_DATABASE_URL", self.database.clone())]
    }

    fn part(&self, role: Role, number: usize, environment: Vec<(&'static str, String)>) -> Part {
        let program = self.program(role, number, environment);
        Part {
            role,
            number,
            kind: Kind::Program(Box::new(program), None),
        }
    }

    fn program(&self, role: Role, number: usize, mut environment: Vec<(&'static str, String)>) -> Program {
        environment.extend([
            ("POSTERN_DATA_DIR", self.folder.display().to_string()),
            ("POSTERN_ADMIN_LISTEN", address(0)),
            ("RUST_LOG", LOG.to_owned()),
        ]);
        let (path, arguments, ready) = match role {
            Role::Server => (&self.programs.postern, vec!["server"], Ready::Printed("grpc")),
            Role::Edge => (&self.programs.postern, vec!["edge"], Ready::Printed("edge")),
            Role::Sqs => (&self.programs.postern, vec!["sqs"], Ready::Printed("sqs")),
            Role::Database => (&self.programs.postern, vec!["migrate"], Ready::Printed("")),
            Role::Consumer => (
                &self.programs.consumer,
                Vec::new(),
                Ready::Logged("consumer ready"),
            ),
        };
        Program {
            path: path.clone(),
            folder: self.folder.to_owned(),
            arguments,
            environment,
            ready,
            log: self.folder.join(format!("{role}-{number}.log")),
        }
    }

    async fn migrate(&self) -> anyhow::Result<()> {
        let program = self.program(Role::Database, 0, self.database());
        let status = program.command()?.status().await?;
        ensure!(
            status.success(),
            "migrate: {status}, see {}",
            program.log.display()
        );
        Ok(())
    }
}

/// The address of the database, and the database itself where it is a process.
async fn open(database: Database, folder: &Path) -> anyhow::Result<(String, Option<Server>)> {
    match database {
        Database::Sqlite => Ok((
            format!("sqlite:{}", folder.join("postern.sqlite").display()),
            None,
        )),
        Database::Postgres => {
            let server = tokio::task::spawn_blocking(Server::start_durable).await??;
            Ok((server.database()?, Some(server)))
        }
    }
}

async fn issuer(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    until: &CancellationToken,
) -> anyhow::Result<Issuer> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let issuer = Issuer::with_key(&url, SigningKey::from_pem(ISSUER_KEY)?)?;
    let serving =
        axum::serve(listener, issuer.router()).with_graceful_shutdown(until.clone().cancelled_owned());
    tasks.spawn(async move { Ok(serving.await?) });
    Ok(issuer)
}

/// Both queues, without dead letters: here a message may be received as often as processes are killed.
async fn create_queues(endpoint: &str) -> anyhow::Result<()> {
    for name in ["postern-jobs", "postern-results"] {
        let attributes = json!({"VisibilityTimeout": VISIBILITY_SECONDS.to_string()});
        let queue = json!({"QueueName": name, "Attributes": attributes});
        call_sqs(endpoint, "CreateQueue", &queue).await?;
    }
    Ok(())
}

async fn call_sqs(endpoint: &str, action: &str, body: &Value) -> anyhow::Result<()> {
    let request = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(endpoint)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .body(body.to_string());
    request.send().await?.error_for_status()?;
    Ok(())
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn url_of(port: u16) -> String {
    format!("http://{}", address(port))
}
