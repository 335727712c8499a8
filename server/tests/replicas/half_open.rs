//! A network that swallows everything: the database's machine is gone, and nobody says so. No answer comes, and no error.

use std::path::PathBuf;
use std::time::Duration;

use postern_server::job::{JobId, Timestamp};
use postern_server::store::Error;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::world::{Replica, acme};

/// All that the pool has.
const CONNECTIONS: i64 = 16;
const SOON: Duration = Duration::from_secs(30);

/// Goes between a store and its database. What was connected when it was cut stays so, and carries nothing any more.
struct Network {
    url: String,
    cut: watch::Sender<()>,
    _carrying: JoinSet<()>,
}

impl Network {
    async fn between(database: &str) -> Self {
        let (address, folder) = database.split_once("?host=").unwrap();
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let (cut, is_cut) = watch::channel(());
        let mut carrying = JoinSet::new();
        carrying.spawn(async move {
            loop {
                let (mut here, _) = listener.accept().await.unwrap();
                let (socket, mut is_cut) = (socket.clone(), is_cut.clone());
                is_cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut there = UnixStream::connect(socket).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut here, &mut there) => {}
                        _ = is_cut.changed() => std::future::pending::<()>().await,
                    }
                });
            }
        });
        Self {
            url: address.replace("localhost:5432", &format!("127.0.0.1:{port}")),
            cut,
            _carrying: carrying,
        }
    }

    fn cut(&self) {
        self.cut.send(()).unwrap();
    }
}

/// Somebody else who has the job's row, so that whoever wants it is in the middle of a transaction.
struct Holder {
    connection: DatabaseConnection,
}

impl Holder {
    async fn of(job: JobId, database: &str) -> Self {
        let mut one = ConnectOptions::new(database);
        let connection = Database::connect(one.max_connections(1).to_owned())
            .await
            .unwrap();
        connection.execute_unprepared("BEGIN").await.unwrap();
        let lock = format!("SELECT 1 FROM jobs WHERE id = '{}' FOR UPDATE", job.uuid());
        connection.execute_unprepared(&lock).await.unwrap();
        Self { connection }
    }

    async fn until_waited_for_by(&self, count: i64) {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let waiting = Statement::from_string(DbBackend::Postgres, query);
        let deadline = Instant::now() + SOON;
        loop {
            // What the statistics show stays the same within a transaction, unless they are thrown away.
            self.connection
                .execute_unprepared("SELECT pg_stat_clear_snapshot()")
                .await
                .unwrap();
            let row = self.connection.query_one_raw(waiting.clone()).await.unwrap();
            let now: i64 = row.unwrap().try_get_by_index(0).unwrap();
            if now >= count {
                return;
            }
            assert!(Instant::now() < deadline, "only {now} wait for the row");
        }
    }
}

#[tokio::test]
async fn a_database_that_never_answers_again_is_given_up_and_its_connections_with_it() {
    let database = postern_pgtest::database().unwrap();
    let network = Network::between(&database).await;
    let replica = Replica::open(&network.url).await;
    replica.store.migrate().await.unwrap();
    let job = replica.submit().await;
    let holder = Holder::of(job, &database).await;
    let mut calls = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let store = replica.store.clone();
        calls.spawn(async move { store.partner().cancel(&acme(), job, "", Timestamp::now()).await });
    }
    holder.until_waited_for_by(CONNECTIONS).await;
    network.cut();
    // Nothing happens from now on but that time passes.
    tokio::time::pause();
    while let Some(answer) = calls.join_next().await {
        let failure = answer.unwrap().unwrap_err();
        assert!(matches!(failure, Error::Unavailable(_)), "{failure:?}");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    tokio::time::resume();
    // By another way the database is there, and the pool has room for new connections.
    assert_eq!(replica.job(job).await.id, job);
}
