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

#[test]
fn a_server_that_was_killed_starts_again_with_what_it_held() {
    let mut server = Server::start_durable().unwrap();
    server.database().unwrap();
    let databases = |server: &Server| {
        std::fs::read_dir(server.folder().join("data/base"))
            .unwrap()
            .count()
    };
    let before = databases(&server);
    server.kill().unwrap();
    assert!(server.database().is_err());
    server.start_again().unwrap();
    server.database().unwrap();
    assert_eq!(databases(&server), before + 1);
}
