//! One part of an installation: how it is started, and how it is killed.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use postern_pgtest::Server;
use tokio::process::Command;

use crate::process::Process;

/// A part that is not ready by then was started in vain, and is started anew.
const READY_MAX: Duration = Duration::from_secs(20);

/// What a part does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `postern server`.
    Server,
    /// `postern edge`.
    Edge,
    /// `postern sqs`.
    Sqs,
    /// The example consumer.
    Consumer,
    /// PostgreSQL.
    Database,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Edge => "edge",
            Self::Sqs => "sqs",
            Self::Consumer => "consumer",
            Self::Database => "database",
        })
    }
}

/// A program with all that it is told: started again, it is told the same.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Its file.
    pub(crate) path: PathBuf,
    /// The folder that it runs in.
    pub(crate) folder: PathBuf,
    /// Its command line.
    pub(crate) arguments: Vec<&'static str>,
    /// Its environment, and nothing of ours.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// How it tells that it is ready.
    pub(crate) ready: Ready,
    /// Where its log goes.
    pub(crate) log: PathBuf,
}

/// How a program tells that it is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ready {
    /// By an address under this name on its standard output.
    Printed(&'static str),
    /// By this text in its log.
    Logged(&'static str),
}

/// What runs when the part does.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A process of ours, while it is up.
    Program(Box<Program>, Option<Process>),
    /// A database, and whether it is up. Its calls block for a moment, so a thread for such takes it meanwhile.
    Database(Option<Server>, bool),
}

/// One part of an installation.
#[derive(Debug)]
pub(crate) struct Part {
    /// What it does.
    pub(crate) role: Role,
    /// Which of its role it is, from 0.
    pub(crate) number: usize,
    /// What runs.
    pub(crate) kind: Kind,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.role, self.number)
    }
}

impl Program {
    /// The command that runs it once, its log appended to that of earlier runs.
    ///
    /// # Errors
    /// When its log cannot be written.
    pub(crate) fn command(&self) -> anyhow::Result<Command> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Ok(command)
    }

    async fn start(&self) -> anyhow::Result<Process> {
        let command = self.command()?;
        match self.ready {
            Ready::Printed(part) => Process::start(command, part, READY_MAX).await,
            Ready::Logged(text) => Process::start_silent(command, &self.log, text, READY_MAX).await,
        }
    }
}

impl Part {
    /// Starts it unless it is up, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends before it is ready, as it does when what it needs is down.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        match &mut self.kind {
            Kind::Program(_, Some(_)) | Kind::Database(_, true) => {}
            Kind::Program(program, process) => *process = Some(program.start().await?),
            Kind::Database(server, is_up) => {
                database(server, Server::start_again).await?;
                *is_up = true;
            }
        }
        Ok(())
    }

    /// Ends it with SIGKILL, if it is up.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        match &mut self.kind {
            Kind::Program(_, process) => match process.take() {
                Some(process) => process.kill().await,
                None => Ok(()),
            },
            Kind::Database(_, false) => Ok(()),
            Kind::Database(server, is_up) => {
                *is_up = false;
                database(server, Server::kill).await
            }
        }
    }

    /// Waits until it ends by itself, and says how. A database is not watched: who uses it notices.
    pub(crate) async fn ended(&mut self) -> String {
        let Kind::Program(_, running) = &mut self.kind else {
            return std::future::pending().await;
        };
        let Some(process) = running else {
            return std::future::pending().await;
        };
        let ended = process.ended().await;
        *running = None;
        ended.map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

async fn database(
    server: &mut Option<Server>,
    what: fn(&mut Server) -> Result<(), postern_pgtest::Error>,
) -> anyhow::Result<()> {
    let mut taken = server.take().context("an earlier call was broken off")?;
    let (given_back, result) = tokio::task::spawn_blocking(move || {
        let result = what(&mut taken);
        (taken, result)
    })
    .await?;
    *server = Some(given_back);
    Ok(result?)
}
