//! `postern demo`, as a newcomer runs it.

use std::collections::BTreeMap;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::process::{command, output};
use crate::world::install_crypto;

/// Runs it on a folder that is kept: what it printed, and the rows that are there afterwards.
async fn run(folder: &Path) -> (String, BTreeMap<String, u64>) {
    let demo = output(&mut command(folder, &["demo", "--data-dir", "kept"])).await;
    assert!(demo.status.success(), "{demo:?}");
    let rows = contacts_import::count(&folder.join("kept/shards")).await.unwrap();
    (String::from_utf8(demo.stdout).unwrap(), rows)
}

#[tokio::test]
async fn the_demo_counts_rows_that_are_there_and_a_second_run_adds_none() {
    let folder = tempfile::tempdir().unwrap();
    let (first, rows) = run(folder.path()).await;
    // 1,000 contacts, 22 of them with an address that their account has already.
    assert_eq!((rows.len(), rows.values().sum::<u64>()), (8, 978));
    let (second, rows_again) = run(folder.path()).await;
    assert_eq!(rows_again, rows);
    for printed in [first, second] {
        assert!(printed.contains("REST") && printed.contains("gRPC"), "{printed}");
        assert!(printed.contains("still 978 rows"), "{printed}");
    }
}

#[tokio::test]
async fn a_demo_that_is_told_to_stop_stops_and_says_that_not_all_was_shown() {
    install_crypto();
    let (folder, until) = (tempfile::tempdir().unwrap(), CancellationToken::new());
    until.cancel();
    let stopped = postern::demo::run(Some(folder.path().to_owned()), until).await;
    assert!(stopped.unwrap_err().to_string().starts_with("stopped"));
    let rows = contacts_import::count(&folder.path().join("shards"))
        .await
        .unwrap();
    assert!(rows.is_empty(), "{rows:?}");
}
