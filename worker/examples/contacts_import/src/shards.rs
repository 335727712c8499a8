//! The accounts' databases, and all of the SQL. Knows nothing of SQS.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postern_worker::JobId;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::account::Account;
use crate::{Contact, Import};

/// Longer than the largest import takes: imports into one account wait for each other.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Contacts inserted between two reports of progress.
const CHUNK: usize = 100;
const FILE_EXTENSION: &str = "sqlite";
/// No account's name begins with a dot.
const LOCK_FILE: &str = ".lock";
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS contacts (
        email TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, job_id TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS imports (
        job_id TEXT PRIMARY KEY, reference TEXT NOT NULL, inserted INTEGER NOT NULL, skipped INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS owner (account TEXT PRIMARY KEY) STRICT;
";

/// What an import did: the result that the partner reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Contacts that are new.
    pub inserted: u32,
    /// Contacts whose email address was there before.
    pub skipped: u32,
}

/// Why shards cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder cannot be made or read.
    #[error("the folder of the shards cannot be used")]
    Folder(#[from] std::io::Error),
    /// A shard cannot be opened, read or written.
    #[error("a shard cannot be used")]
    Database(#[from] sqlx::Error),
    /// Where file names do not tell upper from lower case, two accounts may have one file. The first one keeps it.
    #[error("the file of account {account} is the shard of account {owner}")]
    OtherAccount {
        /// The account that was asked for.
        account: String,
        /// The account whose contacts are there.
        owner: String,
    },
    /// The import was asked to stop, and has left nothing behind.
    #[error("the import was asked to stop")]
    Stopped,
}

/// Counts the contacts of every account that has a shard in the folder; none when there is no folder yet.
///
/// # Errors
/// When the folder or a shard cannot be read.
pub async fn count(shards_dir: impl AsRef<Path>) -> Result<BTreeMap<String, u64>, Error> {
    let mut counts = BTreeMap::new();
    let mut files = match tokio::fs::read_dir(shards_dir).await {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(counts),
        Err(error) => return Err(error.into()),
    };
    while let Some(file) = files.next_entry().await? {
        let path = file.path();
        let (Some(account), Some(FILE_EXTENSION)) =
            (stem(&path), path.extension().and_then(|it| it.to_str()))
        else {
            continue;
        };
        let mut connection = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .connect()
            .await?;
        let (contacts,) = sqlx::query_as("SELECT count(*) FROM contacts")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        counts.insert(account.to_owned(), contacts);
    }
    Ok(counts)
}

fn stem(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}

/// The folder with one database an account.
#[derive(Debug)]
pub(crate) struct Shards {
    dir: PathBuf,
}

impl Shards {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Opens an account's shard, making what is missing.
    pub(crate) async fn open(&self, account: &Account) -> Result<Shard, Error> {
        tokio::fs::create_dir_all(&self.dir).await?;
        let _opening = self.lock().await?;
        let mut connection = SqliteConnectOptions::new()
            .filename(self.dir.join(format!("{account}.{FILE_EXTENSION}")))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .connect()
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        Ok(Shard { connection })
    }

    /// Makes whoever opens a shard wait for its turn, in other programs too: a new database becomes one with a
    /// write-ahead log under a lock for which SQLite does not wait.
    async fn lock(&self) -> Result<File, Error> {
        let path = self.dir.join(LOCK_FILE);
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::create(path)?;
            file.lock().map(|()| file)
        });
        Ok(locked.await.map_err(std::io::Error::other)??)
    }
}

/// One account's database.
#[derive(Debug)]
pub(crate) struct Shard {
    connection: SqliteConnection,
}

impl Shard {
    /// Inserts the contacts that are new, and records what came of it, in one transaction; or tells what came of it when
    /// the job has been here before. `progress` hears how many contacts are dealt with, and says whether to go on: so an import stops before
    /// its commit or not at all.
    pub(crate) async fn import(
        mut self,
        job_id: &JobId,
        import: &Import,
        progress: impl Fn(usize) -> bool + Send,
    ) -> Result<Counts, Error> {
        // For writing from the start: a second execution of the job waits here, and then finds what the first one did.
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        own(&mut transaction, &import.account).await?;
        if let Some(counts) = earlier(&mut transaction, job_id).await? {
            return Ok(counts);
        }
        let (mut counts, mut completed) = (Counts::default(), 0);
        for chunk in import.contacts.chunks(CHUNK) {
            for contact in chunk {
                match insert(&mut transaction, job_id, contact).await? {
                    true => counts.inserted += 1,
                    false => counts.skipped += 1,
                }
            }
            completed += chunk.len();
            if !progress(completed) {
                return Err(Error::Stopped);
            }
        }
        record(&mut transaction, job_id, &import.reference, counts).await?;
        transaction.commit().await?;
        self.connection.close().await?;
        Ok(counts)
    }
}

/// Takes the shard for the account, unless it is another's.
async fn own(connection: &mut SqliteConnection, account: &Account) -> Result<(), Error> {
    let owner: Option<(String,)> = sqlx::query_as("SELECT account FROM owner")
        .fetch_optional(&mut *connection)
        .await?;
    match owner {
        Some((owner,)) if owner == account.as_str() => Ok(()),
        Some((owner,)) => Err(Error::OtherAccount {
            account: account.to_string(),
            owner,
        }),
        None => {
            let query = sqlx::query("INSERT INTO owner (account) VALUES (?)").bind(account.as_str());
            query.execute(connection).await?;
            Ok(())
        }
    }
}

async fn earlier(connection: &mut SqliteConnection, job_id: &JobId) -> Result<Option<Counts>, sqlx::Error> {
    let query =
        sqlx::query_as("SELECT inserted, skipped FROM imports WHERE job_id = ?").bind(job_id.as_str());
    let row: Option<(u32, u32)> = query.fetch_optional(connection).await?;
    Ok(row.map(|(inserted, skipped)| Counts { inserted, skipped }))
}

/// Whether the contact is new.
async fn insert(
    connection: &mut SqliteConnection,
    job_id: &JobId,
    contact: &Contact,
) -> Result<bool, sqlx::Error> {
    let Contact { email, name, phone } = contact;
    let query = sqlx::query(
        "INSERT INTO contacts (email, name, phone, job_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let done = query
        .bind(email)
        .bind(name)
        .bind(phone)
        .bind(job_id.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn record(
    connection: &mut SqliteConnection,
    job_id: &JobId,
    reference: &str,
    counts: Counts,
) -> Result<(), sqlx::Error> {
    let Counts { inserted, skipped } = counts;
    let query = sqlx::query("INSERT INTO imports (job_id, reference, inserted, skipped) VALUES (?, ?, ?, ?)");
    query
        .bind(job_id.as_str())
        .bind(reference)
        .bind(inserted)
        .bind(skipped)
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
