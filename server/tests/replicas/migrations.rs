//! Replicas that start at once on an empty database, and one that is a version older than its schema.

use postern_server::job::{Cancellation, Event, State, Timestamp};
use postern_server::store::Filter;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};

use crate::world::{Replica, acme, succeeded};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_replicas_that_migrate_at_once_one_does_and_the_others_wait() {
    for _ in 0..20 {
        let url = postern_pgtest::database().unwrap();
        let mut migrations = Vec::new();
        for _ in 0..4 {
            let replica = Replica::open(&url).await;
            migrations.push(tokio::spawn(async move {
                let pending = replica.store.pending_migrations().await.unwrap();
                (pending, replica.store.migrate().await.unwrap())
            }));
        }
        let mut applied = Vec::new();
        for migration in migrations {
            let (pending, count) = migration.await.unwrap();
            assert!(count <= pending);
            applied.push(count);
        }
        applied.retain(|count| *count > 0);
        assert_eq!(applied.len(), 1, "{applied:?}");
        Replica::open(&url).await.submit().await;
    }
}

/// What the next versions may do to the schema: see `store/migration.rs`.
const NEWER: [&str; 5] = [
    "ALTER TABLE jobs ADD COLUMN newer_text text",
    "ALTER TABLE jobs ADD COLUMN newer_number bigint NOT NULL DEFAULT 7",
    "ALTER TABLE job_events ADD COLUMN newer text",
    "CREATE INDEX jobs_newer ON jobs (newer_number)",
    "CREATE TABLE newer (id bigint PRIMARY KEY)",
];

async fn expand(url: &str) -> DatabaseConnection {
    let newer = Database::connect(url).await.unwrap();
    for statement in NEWER {
        newer.execute_unprepared(statement).await.unwrap();
    }
    let applied = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_newer', 0)";
    newer.execute_unprepared(applied).await.unwrap();
    newer
}

/// Every statement of a life.
async fn live(replica: &Replica) {
    let (cancelled, job) = (replica.submit().await, replica.submit().await);
    assert_eq!(replica.cancel(cancelled).await, Cancellation::AtOnce);
    assert_eq!(replica.claim(10, Timestamp::now()).await, [job]);
    replica.mark_sent(job).await;
    replica.apply(job, Event::Started).await;
    replica.apply(job, succeeded()).await;
    assert_eq!(replica.job(job).await.state, State::Succeeded);
    let listed = replica
        .store
        .partner()
        .list(&acme(), &Filter::default(), None, 2)
        .await;
    assert_eq!(listed.unwrap().len(), 2);
}

async fn an_older_server_lives_beside_a_newer_one(url: &str) {
    let older = Replica::open(url).await;
    older.store.migrate().await.unwrap();
    // It has prepared its statements by then.
    live(&older).await;
    let newer = expand(url).await;
    live(&older).await;
    drop(older);
    let started_later = Replica::open(url).await;
    assert_eq!(started_later.store.pending_migrations().await.unwrap(), 0);
    assert_eq!(started_later.store.migrate().await.unwrap(), 0);
    live(&started_later).await;
    let defaults = "UPDATE jobs SET newer_number = newer_number + 1 WHERE newer_number = 7";
    assert_eq!(
        newer.execute_unprepared(defaults).await.unwrap().rows_affected(),
        6
    );
}

#[tokio::test]
async fn an_older_server_lives_beside_a_newer_one_on_postgres() {
    an_older_server_lives_beside_a_newer_one(&postern_pgtest::database().unwrap()).await;
}

#[tokio::test]
async fn an_older_server_goes_on_with_a_newer_ones_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
    an_older_server_lives_beside_a_newer_one(&url).await;
}
