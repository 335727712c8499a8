//! All of SQL: the only room that imports sea-orm.
//!
//! Four faces: [`partner`], where every verb takes the partner first, [`work`], where every verb takes a job that an outcome token has
//! proven, and [`operator`], where every verb that changes something takes the operator first, for `api` alone; and [`system`], for the loops.
//! A verb is one transaction; what it changed is told to [`Signals`] after the commit, as ids, never as data. Knows nothing of
//! queues, tokens or the API.

mod action;
mod again;
mod apply;
mod cancel;
mod change;
mod changes;
mod conclude;
mod connect;
mod cursor;
mod dead_letters;
mod delete;
mod entity;
mod examine;
mod expire;
mod history;
mod inspect;
mod list;
mod mark;
mod migration;
pub mod operator;
mod outbox;
pub mod partner;
mod pauses;
mod quarantine;
mod relay;
mod retention;
mod retry;
mod row;
mod signals;
mod standing;
mod submit;
pub mod system;
pub mod work;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqlxError, TransactionTrait,
};
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use crate::meters::Transactions;

pub use changes::Changes;
pub use connect::{Config, Pool};
pub use cursor::Cursor;
pub use delete::Deletion;
pub use examine::{Examined, examine};
pub use history::HistoryEntry;
pub use list::Filter;
pub use relay::Relay;
pub use retry::{Original, Retried};
pub use signals::{Change, Signals};
pub use standing::{Standing, TypeStanding};
pub use submit::{Known, Submission, SubmitError, Submitted, Trace, UniqueKey};

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Where writing transactions begin: SQLite has one writer, so this pool has one connection there.
    write: DatabaseConnection,
    read: DatabaseConnection,
    signals: Signals,
    transactions: Transactions,
    /// Where the database serves several processes: the way to it past any pooler.
    direct: Option<PgConnectOptions>,
    /// Which database this is, as an expression of SQL.
    cluster: &'static str,
    /// Held as long as the store lives, where the database serves one process.
    _lock: Option<std::fs::File>,
}

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be reached, or was too busy: the same may go well later.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// It refused what was asked.
    #[error("the database refused a statement")]
    Refused(#[source] DbErr),
    /// A row holds what this server never writes.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
    /// A second server on a database that serves one.
    #[error("{0} is in use by another server: SQLite serves one server process, several need PostgreSQL")]
    InUse(PathBuf),
    /// The database's file cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The address of a database of another kind.
    #[error("the database must be sqlite:… or postgres://…")]
    Unsupported,
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        let transient = match sqlx_error(&error) {
            // What is no complaint of the database is one of the way to it.
            Some(error) => error
                .as_database_error()
                .is_none_or(|error| error.code().is_some_and(|code| is_transient(&code))),
            None => matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)),
        };
        if transient {
            Self::Unavailable(error)
        } else {
            Self::Refused(error)
        }
    }
}

fn sqlx_error(error: &DbErr) -> Option<&SqlxError> {
    if let DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) = error {
        Some(error)
    } else {
        None
    }
}

/// Whether what a database refused with this code may go well later.
fn is_transient(code: &str) -> bool {
    if code.len() == SQLSTATE_CHARS {
        return TRANSIENT_CLASSES.iter().any(|class| code.starts_with(class));
    }
    // SQLite: the low byte says what happened, the rest in which way.
    code.parse::<u32>()
        .is_ok_and(|code| TRANSIENT_RESULTS.contains(&(code & 0xff)))
}

/// PostgreSQL's codes have so many characters, SQLite's fewer.
const SQLSTATE_CHARS: usize = 5;
/// Of PostgreSQL: connection, rollback (serialization, deadlock), resources, the operator's intervention (shutdown, timeout).
const TRANSIENT_CLASSES: [&str; 4] = ["08", "40", "53", "57"];
/// `SQLITE_BUSY`, `SQLITE_LOCKED`, `SQLITE_IOERR`, `SQLITE_FULL`.
const TRANSIENT_RESULTS: [u32; 4] = [5, 6, 10, 13];

impl Store {
    /// Opens the database. Its schema must be there: [`Store::migrate`] makes it.
    ///
    /// # Errors
    /// When it cannot be reached, or serves another server already.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let opened = connect::open(config).await?;
        let inner = Inner {
            cluster: mark::cluster(&opened.read).await?,
            write: opened.write,
            read: opened.read,
            signals: Signals::new(),
            transactions: Transactions::default(),
            direct: opened.direct,
            _lock: opened.lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Brings the schema up to date, all or nothing, and tells how many migrations that took. Servers one version older go on working
    /// with it; of several that do this at once, one does and the others wait.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> Result<usize, Error> {
        let tx = self.begin().await?;
        let applied = migration::apply(&tx).await?;
        tx.commit().await?;
        Ok(applied)
    }

    /// How many migrations of this server the database does not have yet. Needs no right to change the schema.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending_migrations(&self) -> Result<usize, Error> {
        Ok(migration::pending(&self.inner.read).await?)
    }

    /// The verbs of partners.
    #[must_use]
    pub const fn partner(&self) -> partner::Face<'_> {
        partner::Face::new(self)
    }

    /// The verbs of the loops.
    #[must_use]
    pub const fn system(&self) -> system::Face<'_> {
        system::Face::new(self)
    }

    /// The verbs of consumers that can reach the server.
    #[must_use]
    pub const fn work(&self) -> work::Face<'_> {
        work::Face::new(self)
    }

    /// The verbs of operators.
    #[must_use]
    pub const fn operator(&self) -> operator::Face<'_> {
        operator::Face::new(self)
    }

    /// What is told after every commit.
    #[must_use]
    pub fn signals(&self) -> &Signals {
        &self.inner.signals
    }

    /// What transactions cost before they can do anything.
    #[must_use]
    pub fn transactions(&self) -> &Transactions {
        &self.inner.transactions
    }

    /// Where verbs wait for connections, each with how many there are.
    #[must_use]
    pub fn pools(&self) -> Vec<Pool> {
        connect::pools(&self.inner.write, &self.inner.read)
    }

    /// The loop that makes changes at other servers known here, and those here there; none where the database serves one.
    #[must_use]
    pub fn relay(&self) -> Option<Relay> {
        let direct = self.inner.direct.clone()?;
        Some(Relay::new(direct, self.signals()))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.inner.read.ping().await?)
    }

    async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        let options = sea_orm::TransactionOptions {
            // Read-then-write under a deferred transaction could find its snapshot outdated (SQLITE_BUSY_SNAPSHOT).
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let began = Instant::now();
        let tx = self.inner.write.begin_with_options(options).await?;
        self.inner.transactions.began(began.elapsed());
        Ok(tx)
    }

    fn backend(&self) -> DbBackend {
        self.inner.write.get_database_backend()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_well_later_is_told_from_what_will_not() {
        for code in [
            "5", "517", "261", "6", "10", "778", "1034", "13", "08006", "40001", "40P01", "53300", "57014",
            "57P01",
        ] {
            assert!(is_transient(code), "{code}");
        }
        // Unique violations, a corrupt file, a missing table; 22021 and 5 have their low byte in common.
        for code in ["1555", "2067", "11", "1", "23505", "42P01", "22021", ""] {
            assert!(!is_transient(code), "{code}");
        }
    }
}
