//! The server comes and goes, and leaves nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use postern_pgtest::Server;

#[test]
fn each_database_is_another() {
    let server = Server::start().unwrap();
    assert_ne!(server.database().unwrap(), server.database().unwrap());
}

#[test]
fn nothing_is_left_of_a_server_that_is_dropped() {
    let server = Server::start().unwrap();
    let folder = server.folder().to_owned();
    assert!(folder.join("data/postmaster.pid").exists());
    // What closes at the end of a process, too, whatever ended it.
    drop(server);
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.exists() {
        assert!(Instant::now() < deadline, "{} is still there", folder.display());
        std::thread::yield_now();
    }
}
