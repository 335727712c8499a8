//! A short campaign on either database: `make chaos` holds long ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use postern_chaos::{Campaign, Database, programs_beside};

async fn campaign(database: Database) {
    let campaign = Campaign {
        programs: programs_beside(Path::new(env!("CARGO_BIN_EXE_postern"))).unwrap(),
        database,
        kills: 8,
        // Another one each time: a failure prints it.
        seed: u64::from(std::process::id()),
        clients: 4,
        keeps_folder: false,
    };
    let report = campaign.run().await.unwrap();
    assert!(report.is_good(), "{report}");
    assert!(report.verdict.acknowledged > 0, "{report}");
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_processes_are_killed_on_sqlite() {
    campaign(Database::Sqlite).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_processes_and_the_database_are_killed_on_postgres() {
    campaign(Database::Postgres).await;
}
