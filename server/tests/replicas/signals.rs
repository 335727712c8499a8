//! What changes at one replica wakes those who watch at another, at once, and also after the line between them was cut.

use std::time::Duration;

use postern_server::hub::Hub;
use postern_server::job::{Event, JobId};
use postern_server::store::Change;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::world::{Replica, acme};

/// A watch repeats what has not changed after 30 s: only a signal comes so soon.
const SIGNAL_MAX: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(30);

/// A replica whose loops for signals run, until it is dropped.
struct Running {
    replica: Replica,
    hub: Hub,
    shutdown: CancellationToken,
    loops: JoinSet<()>,
}

impl Running {
    /// Returns once it hears the others.
    async fn start(url: &str) -> Self {
        let replica = Replica::open(url).await;
        let (hub, shutdown) = (Hub::default(), CancellationToken::new());
        let mut changes = replica.store.signals().changes();
        let mut loops = JoinSet::new();
        loops.spawn(
            hub.clone()
                .run(replica.store.signals().changes(), shutdown.clone()),
        );
        loops.spawn(replica.store.relay().unwrap().run(shutdown.clone()));
        assert_eq!(next(&mut changes).await, Change::Any);
        Self {
            replica,
            hub,
            shutdown,
            loops,
        }
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.loops.join_next().await {
            ended.unwrap();
        }
    }
}

async fn next(changes: &mut Receiver<Change>) -> Change {
    timeout(SOON, changes.recv())
        .await
        .expect("nothing was told")
        .unwrap()
}

async fn two() -> (String, Running, Running) {
    let url = postern_pgtest::database().unwrap();
    Replica::open(&url).await.store.migrate().await.unwrap();
    let (one, other) = tokio::join!(Running::start(&url), Running::start(&url));
    (url, one, other)
}

/// Past every store.
async fn ask(url: &str, query: &str) -> Vec<sea_orm::QueryResult> {
    let connection: DatabaseConnection = Database::connect(url).await.unwrap();
    let statement = Statement::from_string(DbBackend::Postgres, query);
    connection.query_all_raw(statement).await.unwrap()
}

const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE application_name = 'postern relay' AND datname = current_database()";

#[tokio::test]
async fn a_change_at_one_replica_wakes_the_watchers_at_the_other() {
    let (_, one, other) = two().await;
    let mut changes = other.replica.store.signals().changes();
    let job = one.replica.submit().await;
    assert_eq!(next(&mut changes).await, Change::Of(acme(), job));
    let (mut of_job, mut of_all) = (other.hub.subscribe(job), other.hub.subscribe_all(&acme()));
    one.replica.apply(job, Event::Started).await;
    timeout(SIGNAL_MAX, of_job.changed()).await.unwrap();
    timeout(SIGNAL_MAX, of_all.changed()).await.unwrap();
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_replica_tells_its_own_watchers_once_and_never_tells_what_it_only_heard() {
    let (_, one, other) = two().await;
    let mut here = one.replica.store.signals().changes();
    let mut there = other.replica.store.signals().changes();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let job = one.replica.submit().await;
        jobs.push(job);
        assert_eq!(next(&mut here).await, Change::Of(acme(), job));
        assert_eq!(next(&mut there).await, Change::Of(acme(), job));
    }
    // Had the first one heard itself, or been told again by the second, that would have come before this.
    let last = other.replica.submit().await;
    assert_eq!(next(&mut here).await, Change::Of(acme(), last));
    assert_eq!(next(&mut there).await, Change::Of(acme(), last));
    assert!(here.try_recv().is_err() && there.try_recv().is_err());
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn whoever_was_cut_off_hears_again_and_wakes_everybody() {
    let (url, one, other) = two().await;
    let (mut here, mut there) = (
        one.replica.store.signals().changes(),
        other.replica.store.signals().changes(),
    );
    let mut watcher = other.hub.subscribe(JobId::new(1));
    assert_eq!(ask(&url, CUT).await.len(), 2);
    timeout(SOON, watcher.changed()).await.unwrap();
    for changes in [&mut here, &mut there] {
        assert_eq!(next(changes).await, Change::Any);
    }
    let job = one.replica.submit().await;
    let mut of_job = other.hub.subscribe(job);
    one.replica.apply(job, Event::Started).await;
    timeout(SIGNAL_MAX, of_job.changed()).await.unwrap();
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn after_the_database_was_killed_changes_are_heard_again() {
    let mut server = postern_pgtest::Server::start().unwrap();
    let url = server.database().unwrap();
    Replica::open(&url).await.store.migrate().await.unwrap();
    let (one, other) = tokio::join!(Running::start(&url), Running::start(&url));
    let (mut here, mut there) = (
        one.replica.store.signals().changes(),
        other.replica.store.signals().changes(),
    );
    server.kill().unwrap();
    server.start_again().unwrap();
    for changes in [&mut here, &mut there] {
        assert_eq!(next(changes).await, Change::Any);
    }
    let job = one.replica.submit().await;
    assert_eq!(next(&mut there).await, Change::Of(acme(), job));
    one.stop().await;
    other.stop().await;
}

/// As at the end of a server: what its loops changed last is told before the line goes down.
#[tokio::test]
async fn what_changed_last_is_told_before_the_end() {
    let (_, one, other) = two().await;
    let mut there = other.replica.store.signals().changes();
    let job = one.replica.submit().await;
    one.stop().await;
    assert_eq!(next(&mut there).await, Change::Of(acme(), job));
    other.stop().await;
}

#[tokio::test]
async fn more_changes_than_fit_one_notification_are_all_heard() {
    let (_, one, other) = two().await;
    let mut there = other.replica.store.signals().changes();
    let mut submitted = Vec::new();
    for _ in 0..600 {
        submitted.push(one.replica.submit().await);
    }
    let mut heard = Vec::new();
    while heard.len() < submitted.len() {
        match next(&mut there).await {
            Change::Of(partner, job) => {
                assert_eq!(partner, acme());
                heard.push(job);
            }
            Change::Any => panic!("there was no need for that"),
        }
    }
    heard.sort_unstable();
    submitted.sort_unstable();
    assert_eq!(heard, submitted);
    one.stop().await;
    other.stop().await;
}
