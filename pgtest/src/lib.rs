//! A PostgreSQL server of a test's own: unprivileged, in a temporary folder, gone with the process that started it.
//!
//! `server.sh` starts it and waits at the end of a pipe for this process to be gone, however it ends: a destructor would not run
//! for a static, nor after SIGKILL. Knows nothing of Postern's schema.

mod account;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server that runs. See [`Server::start`] and [`Server::start_durable`].
#[derive(Debug)]
pub struct Server {
    /// Its standard input is what keeps the server alive, and takes commands.
    keeper: Child,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// Why there is no server, or no database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or a process of its own could not be had.
    #[error("{0}: {1}")]
    System(&'static str, #[source] std::io::Error),
    /// PostgreSQL says why.
    #[error("{0}")]
    Refused(String),
    /// PostgreSQL refuses to run as root, and there is nobody else.
    #[error("this machine has neither a user `postgres` nor `nobody` to run PostgreSQL as")]
    NoUser,
}

/// The address of a new, empty database on the one server of this process, which the first call starts (one to three seconds).
///
/// # Errors
/// When PostgreSQL is not installed or does not start: the same for every caller.
pub fn database() -> Result<String, Error> {
    // A process starts one server, however many tests it runs.
    static SERVER: LazyLock<Result<Server, Error>> = LazyLock::new(Server::start);
    SERVER
        .as_ref()
        .map_err(|error| Error::Refused(error.to_string()))?
        .database()
}

/// Where nobody else can be: the socket is in a folder of its own.
const PORT: u16 = 5432;

/// What makes a server quick whose data nobody will miss.
const THROWAWAY: &[&str] = &["-c", "fsync=off", "-c", "full_page_writes=off"];

impl Server {
    /// Starts one, and waits a minute at most until it takes connections. It ends soon after this value or the process does. Without
    /// fsync: what it holds survives the kill of a process, not that of the machine.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(THROWAWAY, &[])
    }

    /// The same, which takes connections over TCP as well and offers TLS: what [`Server::database`] returns is its address without the query.
    /// Its certificate is for `localhost` alone. In its folder, `ca.pem` has who vouches for that, `other-ca.pem` somebody who does not.
    ///
    /// # Errors
    /// When PostgreSQL or openssl are not installed, or it does not start.
    pub fn start_with_tls() -> Result<Self, Error> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| Error::System("a free port", error))?.port();
        let environment = [("PGTEST_TLS", "yes".to_owned()), ("PGPORT", port.to_string())];
        Ok(Self {
            port,
            ..Self::start_with(THROWAWAY, &environment)?
        })
    }

    /// The same with fsync, as in production.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start_durable() -> Result<Self, Error> {
        Self::start_with(&[], &[])
    }

    fn start_with(settings: &[&str], environment: &[(&str, String)]) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("pgtest-")
            .tempdir()
            .map_err(|error| Error::System("a temporary folder", error))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", include_str!("server.sh"), "pgtest"])
            .arg(folder.path())
            .args(settings)
            .env("PGPORT", PORT.to_string())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            // Ctrl-C reaches the test alone: the script has to outlive it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        account::leave_root(&mut command, folder.path())?;
        let mut keeper = command.spawn().map_err(|error| Error::System("sh", error))?;
        // From here on the script removes it.
        let folder = folder.keep();
        let stdout = keeper.stdout.take().ok_or_else(|| gone("no standard output"))?;
        let mut answers = BufReader::new(stdout);
        let programs = PathBuf::from(answer(&mut keeper, &mut answers)?);
        Ok(Self {
            keeper,
            answers,
            folder,
            programs,
            port: PORT,
            databases: AtomicU32::new(0),
        })
    }

    /// Ends it as a crash would: SIGKILL to its first process, and the others notice. Its data stays.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.command("kill")
    }

    /// Starts one that was killed again, at the same address, and waits a minute at most until it takes connections.
    ///
    /// # Errors
    /// When it does not start: then it is gone for good.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.command("start")
    }

    fn command(&mut self, command: &str) -> Result<(), Error> {
        let stdin = self
            .keeper
            .stdin
            .as_mut()
            .ok_or_else(|| gone("no standard input"))?;
        writeln!(stdin, "{command}").map_err(|error| Error::System("server.sh", error))?;
        answer(&mut self.keeper, &mut self.answers).map(drop)
    }

    /// The address of a new, empty database.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn database(&self) -> Result<String, Error> {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.programs.join("createdb"))
            .arg("--host")
            .arg(&self.folder)
            .args(["--port", &self.port.to_string()])
            .args(["--username", "postern", &name])
            .output()
            .map_err(|error| Error::System("createdb", error))?;
        if !made.status.success() {
            return Err(Error::Refused(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        Ok(format!(
            "postgres://postern@localhost:{}/{name}?host={}",
            self.port,
            self.folder.display()
        ))
    }

    /// Where its data and its socket are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A line of the script; what it complains of when it has none.
fn answer(keeper: &mut Child, answers: &mut BufReader<ChildStdout>) -> Result<String, Error> {
    let mut line = String::new();
    answers
        .read_line(&mut line)
        .map_err(|error| Error::System("server.sh", error))?;
    let line = line.trim_end();
    if !line.is_empty() {
        return Ok(line.to_owned());
    }
    let mut complaint = String::new();
    if let Some(mut stderr) = keeper.stderr.take() {
        stderr
            .read_to_string(&mut complaint)
            .map_err(|error| Error::System("server.sh", error))?;
    }
    Err(Error::Refused(complaint))
}

fn gone(what: &str) -> Error {
    Error::Refused(format!("server.sh has {what}"))
}
