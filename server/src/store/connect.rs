//! Opens connections: pools, limits, and what SQLite has to be told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::timeout;

use super::Error;

/// How long a verb waits for a connection, a new one included: longer, and callers would have given up.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const READERS_MAX: u32 = 4;
/// Of PostgreSQL's own default of 100, six servers may have so many and leave some to others.
const CONNECTIONS_MAX: u32 = 16;
/// No statement here takes seconds. What does is stuck, mostly behind a row that somebody else holds.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The database gives up a transaction whose server has gone quiet, as behind a broken network: it holds rows that others need. Nothing
/// here lies between two statements of a transaction but a little computing.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "30s";

/// A connection that comes back from whoever gave up waiting has to answer by then, or it is thrown away: behind a network that swallows
/// everything it never would, and the pool would soon have no other.
const RETURN_MAX: Duration = Duration::from_secs(10);

/// Where the database is.
#[derive(Debug, Clone)]
pub struct Config {
    /// `sqlite:` with a path, or `postgres://…`.
    pub url: String,
    /// Connections to PostgreSQL at most, but for the one that hears of changes at other servers.
    pub connections_max: u32,
    /// Where that one goes, which no pooler may share out; where all others go, unless it is given.
    pub listen_url: Option<String>,
}

impl Config {
    /// A database with the defaults for everything else.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections_max: CONNECTIONS_MAX,
            listen_url: None,
        }
    }
}

/// An open database.
pub(super) struct Opened {
    pub(super) write: DatabaseConnection,
    pub(super) read: DatabaseConnection,
    pub(super) direct: Option<PgConnectOptions>,
    pub(super) lock: Option<std::fs::File>,
}

pub(super) async fn open(config: &Config) -> Result<Opened, Error> {
    if DbBackend::Postgres.is_prefix_of(&config.url) {
        let mut options = options(&config.url, config.connections_max);
        options.statement_timeout(STATEMENT_TIMEOUT);
        options.map_sqlx_postgres_opts(|options| {
            options.options([("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT)])
        });
        options.map_sqlx_postgres_pool_opts(|options| {
            options.after_release(|connection, _| Box::pin(is_alive(connection)))
        });
        let pool = Database::connect(options).await?;
        return Ok(Opened {
            write: pool.clone(),
            read: pool,
            direct: Some(direct(config)?),
            lock: None,
        });
    }
    let path = sqlite_path(&config.url).ok_or(Error::Unsupported)?;
    let lock = lock(&path)?;
    // The writer first: it creates the file and switches it to WAL.
    let write = Database::connect(sqlite_options(&config.url, 1)).await?;
    let read = Database::connect(sqlite_options(&config.url, READERS_MAX)).await?;
    Ok(Opened {
        write,
        read,
        direct: None,
        lock: Some(lock),
    })
}

/// Connections of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// `write`, `read`, or `all` where there is one for both.
    pub name: &'static str,
    /// How many are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
    /// How many there may be.
    pub max: u32,
}

impl Pool {
    fn of<D: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<D>) -> Self {
        Self {
            name,
            open: pool.size(),
            idle: u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
            max: pool.options().get_max_connections(),
        }
    }
}

pub(super) fn pools(write: &DatabaseConnection, read: &DatabaseConnection) -> Vec<Pool> {
    if write.get_database_backend() == DbBackend::Postgres {
        return vec![Pool::of("all", write.get_postgres_connection_pool())];
    }
    vec![
        Pool::of("write", write.get_sqlite_connection_pool()),
        Pool::of("read", read.get_sqlite_connection_pool()),
    ]
}

/// One connection that changes nothing. Of SQLite the file has to be there.
pub(super) fn read_only(config: &Config) -> Result<ConnectOptions, Error> {
    let mut options = options(&config.url, 1);
    if DbBackend::Postgres.is_prefix_of(&config.url) {
        return Ok(options);
    }
    let path = sqlite_path(&config.url).ok_or(Error::Unsupported)?;
    std::fs::metadata(&path).map_err(|source| Error::File { path, source })?;
    options.map_sqlx_sqlite_opts(|options| {
        options
            .create_if_missing(false)
            .read_only(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
    });
    Ok(options)
}

async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(RETURN_MAX, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        Err(_elapsed) => Err(sqlx::Error::PoolTimedOut),
    }
}

pub(super) fn direct(config: &Config) -> Result<PgConnectOptions, Error> {
    let url = config.listen_url.as_ref().unwrap_or(&config.url);
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    Ok(options.disable_statement_logging())
}

fn options(url: &str, connections_max: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false);
    options
}

fn sqlite_options(url: &str, connections_max: u32) -> ConnectOptions {
    let mut options = options(url, connections_max);
    options.map_sqlx_sqlite_opts(|options| {
        options
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .pragma("journal_mode", "WAL")
            // A commit is on the disk before it is acknowledged.
            .pragma("synchronous", "FULL")
    });
    options
}

fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or(path);
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}

/// Takes the place of the one server on this file, until the returned file is closed, however the process ends.
fn lock(database: &Path) -> Result<std::fs::File, Error> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::File {
            path: folder.to_owned(),
            source,
        })?;
    }
    let file = std::fs::File::create(&path).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse(database.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(Error::File { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Statement};

    use super::*;

    #[tokio::test]
    async fn postgres_ends_what_takes_too_long() {
        let url = postern_pgtest::database().unwrap();
        let opened = open(&Config::new(url)).await.unwrap();
        for (setting, expected) in [
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "30s"),
        ] {
            let show = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
            let row = opened.write.query_one_raw(show).await.unwrap().unwrap();
            let value: String = row.try_get("", setting).unwrap();
            assert_eq!(value, expected, "{setting}");
        }
    }
}
