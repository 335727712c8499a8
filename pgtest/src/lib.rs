//! A PostgreSQL server of a test's own: unprivileged, in a temporary folder, gone with the process that started it.
//!
//! `server.sh` starts it and waits at the end of a pipe for this process to be gone, however it ends: a destructor would not run
//! for a static, nor after SIGKILL. Knows nothing of Postern's schema.

mod account;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Without fsync: what it holds survives the kill of a process, not that of the machine.
#[derive(Debug)]
pub struct Server {
    /// Its standard input is what keeps the server alive.
    _keeper: Child,
    folder: PathBuf,
    programs: PathBuf,
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

impl Server {
    /// Starts one, and waits a minute at most until it takes connections. It ends soon after this value or the process does.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("pgtest-")
            .tempdir()
            .map_err(|error| Error::System("a temporary folder", error))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", include_str!("server.sh"), "pgtest"])
            .arg(folder.path())
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
        let programs = first_line(&mut keeper)?;
        Ok(Self {
            _keeper: keeper,
            folder,
            programs,
            databases: AtomicU32::new(0),
        })
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
            .args(["--username", "postern", &name])
            .output()
            .map_err(|error| Error::System("createdb", error))?;
        if !made.status.success() {
            return Err(Error::Refused(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        Ok(format!(
            "postgres://postern@localhost/{name}?host={}",
            self.folder.display()
        ))
    }

    /// Where its data and its socket are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What the script prints when the server is there; what it complains of when it is not.
fn first_line(keeper: &mut Child) -> Result<PathBuf, Error> {
    let mut line = String::new();
    if let Some(stdout) = keeper.stdout.take() {
        BufReader::new(stdout)
            .read_line(&mut line)
            .map_err(|error| Error::System("server.sh", error))?;
    }
    let programs = line.trim_end();
    if !programs.is_empty() {
        return Ok(PathBuf::from(programs));
    }
    let mut complaint = String::new();
    if let Some(mut stderr) = keeper.stderr.take() {
        stderr
            .read_to_string(&mut complaint)
            .map_err(|error| Error::System("server.sh", error))?;
    }
    Err(Error::Refused(complaint))
}
