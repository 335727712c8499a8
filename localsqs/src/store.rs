//! All of SQL: the data folder, the tables, and the operations on them. Knows no protocol.
//!
//! One connection writes and reads, and one loop uses it (`commit`): operations that are waiting share a transaction
//! and its sync to disk. An operation is told the time and never asks for it.

mod commit;
mod moves;
mod queues;
mod receipts;
mod receive;
mod send;
mod sweep;

pub(crate) use commit::{Store, start};
pub(crate) use moves::{BeginMove, CancelMove, ListMoves, ListSources, Move, MoveId, MovePart};
pub(crate) use queues::{
    CreateQueue, DeleteQueue, FindQueue, ListQueues, PurgeQueue, QueueView, SetSettings, ViewQueue,
};
pub(crate) use receipts::{ChangeVisibility, Delete};
pub(crate) use receive::{Receive, Received, ReceivedMessage};
pub(crate) use send::SendMessages;

use std::fs::{File, TryLockError};
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};

use crate::endpoint::Error;
use crate::fault::Fault;
use crate::queue::QueueId;
use crate::timestamp::Timestamp;

/// The version of the tables below, kept in `user_version`.
const SCHEMA_VERSION: i64 = 1;

/// `body` and `attributes` stand last, so that scans of the rest do not read them. `AUTOINCREMENT`: no id is ever used
/// again, so no receipt handle ever means another message.
const SCHEMA: &str = "
CREATE TABLE queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    modified_at_ms INTEGER NOT NULL,
    purged_at_ms INTEGER
) STRICT;
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id INTEGER NOT NULL REFERENCES queue (id) ON DELETE CASCADE,
    visible_at_ms INTEGER NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    first_received_at_ms INTEGER,
    message_id TEXT NOT NULL,
    message_group TEXT,
    trace_header TEXT,
    dead_letter_source TEXT,
    attributes TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX message_by_visibility ON message (queue_id, visible_at_ms);
CREATE INDEX message_by_age ON message (queue_id, sent_at_ms);
PRAGMA user_version = 1;
";

/// Tables that came later, and that an endpoint of before leaves alone.
const LATER: &str = "
CREATE TABLE IF NOT EXISTS move_task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id INTEGER NOT NULL REFERENCES queue (id) ON DELETE CASCADE,
    destination TEXT,
    per_second_max INTEGER,
    status TEXT NOT NULL,
    failure TEXT,
    moved INTEGER NOT NULL DEFAULT 0,
    to_move INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL
) STRICT;
UPDATE move_task SET status = 'FAILED', failure = 'Interrupted' WHERE status = 'RUNNING';
";

/// An open data folder. Held by one process at a time.
#[derive(Debug)]
pub(crate) struct Database {
    options: SqliteConnectOptions,
    /// None after a failure, until the next use.
    connection: Option<SqliteConnection>,
    /// Locked for as long as it is open. The system unlocks it when the process dies, however it dies.
    _lock: File,
}

impl Database {
    pub(crate) async fn open(data_dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(data_dir).map_err(Error::Folder)?;
        let lock = File::create(data_dir.join("sqs.lock")).map_err(Error::Folder)?;
        lock.try_lock().map_err(|refused| match refused {
            TryLockError::WouldBlock => Error::InUse(data_dir.to_owned()),
            TryLockError::Error(error) => Error::Folder(error),
        })?;
        let options = SqliteConnectOptions::new()
            .filename(data_dir.join("sqs.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", "67108864")
            .foreign_keys(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        migrate(&mut connection).await?;
        Ok(Self {
            options,
            connection: Some(connection),
            _lock: lock,
        })
    }

    /// The connection; a new one, if the last one failed.
    async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        match self.connection.take() {
            Some(connection) => Ok(self.connection.insert(connection)),
            None => {
                let connection = SqliteConnection::connect_with(&self.options).await?;
                Ok(self.connection.insert(connection))
            }
        }
    }

    /// Gives a connection up that failed. SQLite ends a transaction by itself when the disk is full or broken, sqlx does
    /// not see it, and the connection would never begin another one.
    async fn reset(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "sqs database connection was not closed");
        }
    }
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await?;
    match found {
        0 => {
            sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
        }
        SCHEMA_VERSION => {}
        _ => {
            return Err(Error::NewerSchema {
                found,
                known: SCHEMA_VERSION,
            });
        }
    }
    sqlx::raw_sql(LATER).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Something to be done in a transaction that others may share.
///
/// An operation refuses before it writes: what it has written when it returns a [`Fault`] is committed with the rest.
pub(crate) trait Operation: Send + 'static {
    /// What the caller learns once the transaction is committed.
    type Output: Send + 'static;

    fn apply(
        self,
        transaction: &mut Transaction<'_>,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// What an operation works with.
pub(crate) struct Transaction<'c> {
    sql: &'c mut SqliteConnection,
    /// The same for all operations of one transaction.
    now: Timestamp,
    /// Queues whose receivers may find something new after the commit.
    changed: Vec<QueueId>,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller asked for what cannot be; the others in the transaction are not concerned.
    #[error(transparent)]
    Refused(#[from] Fault),
    /// The database failed; nothing of the transaction is done.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::sweep::sweep;
    use super::*;
    use crate::message::{Draft, Offer};
    use crate::queue::{QueueName, arn};

    struct Scene {
        database: Database,
        queue: QueueName,
        _folder: tempfile::TempDir,
    }

    impl Scene {
        /// A queue that keeps its messages for a minute, and one message sent at second 0.
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(folder.path()).await.unwrap();
            let queue = QueueName::parse("jobs").unwrap();
            let mut scene = Self {
                database,
                queue,
                _folder: folder,
            };
            let attributes = BTreeMap::from([("MessageRetentionPeriod".to_owned(), "60".to_owned())]);
            scene
                .at(
                    0,
                    CreateQueue {
                        name: scene.queue.clone(),
                        attributes,
                    },
                )
                .await
                .unwrap();
            let draft = Draft::parse(Offer {
                body: Some("x".into()),
                ..Offer::default()
            })
            .unwrap();
            scene
                .at(
                    0,
                    SendMessages {
                        queue: scene.queue.clone(),
                        drafts: vec![draft],
                    },
                )
                .await
                .unwrap();
            scene
        }

        async fn at<O: Operation>(&mut self, second: u32, operation: O) -> Result<O::Output, Failure> {
            let now = Timestamp(0).plus_seconds(second);
            let connection = self.database.connection().await?;
            let mut sql = connection.begin_with("BEGIN IMMEDIATE").await?;
            let output = operation
                .apply(&mut Transaction {
                    sql: &mut sql,
                    now,
                    changed: Vec::new(),
                })
                .await?;
            sql.commit().await?;
            Ok(output)
        }

        async fn received_at(&mut self, second: u32) -> usize {
            let receive = Receive {
                queue: self.queue.clone(),
                messages_max: 10,
                visibility_timeout_seconds: Some(0),
            };
            self.at(second, receive).await.unwrap().messages.len()
        }

        async fn stored(&mut self) -> i64 {
            sqlx::query_scalar("SELECT count(*) FROM message")
                .fetch_one(self.database.connection().await.unwrap())
                .await
                .unwrap()
        }

        async fn sweep_at(&mut self, second: u32) {
            let now = Timestamp(0).plus_seconds(second);
            let connection = self.database.connection().await.unwrap();
            sweep(&mut Transaction {
                sql: connection,
                now,
                changed: Vec::new(),
            })
            .await
            .unwrap();
        }
    }

    #[tokio::test]
    async fn a_message_is_not_delivered_or_counted_after_its_retention_period() {
        let mut scene = Scene::new().await;
        assert_eq!(scene.received_at(59).await, 1);
        assert_eq!(
            scene
                .at(59, ViewQueue(scene.queue.clone()))
                .await
                .unwrap()
                .visible,
            1
        );
        assert_eq!(scene.received_at(60).await, 0);
        assert_eq!(
            scene
                .at(60, ViewQueue(scene.queue.clone()))
                .await
                .unwrap()
                .visible,
            0
        );
    }

    #[tokio::test]
    async fn a_sweep_removes_what_is_past_its_retention_period_and_nothing_else() {
        let mut scene = Scene::new().await;
        scene.sweep_at(59).await;
        assert_eq!(scene.stored().await, 1);
        scene.sweep_at(60).await;
        assert_eq!(scene.stored().await, 0);
    }

    #[tokio::test]
    async fn a_purge_is_allowed_again_after_a_minute() {
        let mut scene = Scene::new().await;
        let purge = |scene: &Scene| PurgeQueue(scene.queue.clone());
        scene.at(0, purge(&scene)).await.unwrap();
        let refused = scene.at(59, purge(&scene)).await;
        assert!(
            matches!(refused, Err(Failure::Refused(Fault::PurgeQueueInProgress(_)))),
            "{refused:?}"
        );
        scene.at(60, purge(&scene)).await.unwrap();
    }

    #[tokio::test]
    async fn a_move_task_that_was_interrupted_has_failed_and_another_may_begin() {
        let mut scene = Scene::new().await;
        let dead = QueueName::parse("dead").unwrap();
        let policy = format!(
            r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#,
            arn("x", &dead)
        );
        let create = |name: &QueueName| CreateQueue {
            name: name.clone(),
            attributes: BTreeMap::new(),
        };
        scene.at(0, create(&dead)).await.unwrap();
        let attributes = BTreeMap::from([("RedrivePolicy".to_owned(), policy)]);
        let name = scene.queue.clone();
        scene.at(0, SetSettings { name, attributes }).await.unwrap();
        let begin = || BeginMove {
            source: dead.clone(),
            destination: None,
            per_second_max: None,
        };
        let task = scene.at(0, begin()).await.unwrap();
        assert!(scene.at(0, begin()).await.is_err(), "one at a time");
        migrate(scene.database.connection().await.unwrap()).await.unwrap();
        let list = ListMoves {
            source: dead.clone(),
            limit: 10,
        };
        let listed = scene.at(0, list).await.unwrap();
        assert_eq!((listed[0].id, listed[0].status.as_str()), (task, "FAILED"));
        scene.at(0, begin()).await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_of_before_gets_the_tables_that_came_later() {
        let mut scene = Scene::new().await;
        let connection = scene.database.connection().await.unwrap();
        sqlx::raw_sql("DROP TABLE move_task")
            .execute(&mut *connection)
            .await
            .unwrap();
        migrate(connection).await.unwrap();
        let list = ListMoves {
            source: scene.queue.clone(),
            limit: 10,
        };
        assert!(scene.at(0, list).await.unwrap().is_empty());
        assert_eq!(scene.stored().await, 1);
    }
}
