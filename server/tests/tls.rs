//! Connections to a PostgreSQL that offers TLS: whom they trust is what the address says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::error::Error as _;
use std::sync::LazyLock;
use std::time::Duration;

use postern_pgtest::Server;
use postern_server::store::{Change, Config, Error, Store};
use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(30);

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start_with_tls().unwrap());

/// The address of a new database over TCP, at this name of the machine.
fn address(host: &str, query: &str) -> String {
    let socket = SERVER.database().unwrap();
    let (address, _) = socket.split_once('?').unwrap();
    let folder = SERVER.folder().display().to_string();
    address.replace("localhost", host) + "?" + &query.replace('~', &folder)
}

async fn open(host: &str, query: &str) -> Result<Store, Error> {
    Store::open(&Config::new(address(host, query))).await
}

/// What kept it from opening, with every cause.
async fn refusal(host: &str, query: &str) -> String {
    let error = open(host, query).await.unwrap_err();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_server_that_the_given_authority_vouches_for_is_trusted_and_all_is_encrypted() {
    let url = address("localhost", "sslmode=verify-full&sslrootcert=~/ca.pem");
    let store = Store::open(&Config::new(&url)).await.unwrap();
    store.migrate().await.unwrap();
    // Signals go over a connection of their own.
    let (mut changes, shutdown) = (store.signals().changes(), CancellationToken::new());
    let relay = tokio::spawn(store.relay().unwrap().run(shutdown.clone()));
    let heard = tokio::time::timeout(SOON, changes.recv()).await.unwrap();
    assert_eq!(heard.unwrap(), Change::Any);
    let query = "SELECT count(*) AS connections, count(*) FILTER (WHERE ssl) AS encrypted FROM pg_stat_ssl \
        JOIN pg_stat_activity USING (pid) WHERE datname = current_database()";
    let connection = Database::connect(&url).await.unwrap();
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    let connections: i64 = row.try_get("", "connections").unwrap();
    let encrypted: i64 = row.try_get("", "encrypted").unwrap();
    assert!(connections >= 3, "{connections}");
    assert_eq!(encrypted, connections);
    shutdown.cancel();
    relay.await.unwrap();
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_refused() {
    for query in [
        "sslmode=verify-full&sslrootcert=~/other-ca.pem",
        "sslmode=verify-ca&sslrootcert=~/other-ca.pem",
        "sslmode=verify-full",
    ] {
        let refusal = refusal("localhost", query).await;
        assert!(refusal.contains("invalid peer certificate"), "{query}: {refusal}");
    }
}

#[tokio::test]
async fn another_name_than_the_certificates_is_refused_where_names_count() {
    let refusal = refusal("127.0.0.1", "sslmode=verify-full&sslrootcert=~/ca.pem").await;
    assert!(refusal.contains("not valid for name"), "{refusal}");
    open("127.0.0.1", "sslmode=verify-ca&sslrootcert=~/ca.pem")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let url = postern_pgtest::database().unwrap() + "&sslmode=require";
    let error = Store::open(&Config::new(url)).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}
