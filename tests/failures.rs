//! docs/failures.md says which tests show what holds when something goes wrong: each must be there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where tests are.
const FOLDERS: [&str; 5] = ["edge", "localsqs", "server", "tests", "worker"];
/// The failures that are known, by number.
const GROUPS: usize = 12;

#[test]
fn every_group_of_failures_names_tests_that_are_there() {
    let page = std::fs::read_to_string(root().join("docs/failures.md")).unwrap();
    let tests = tests();
    assert!(tests.len() > 500, "the tests were not found");
    for group in 1..=GROUPS {
        let after = page.split(&format!("\n## {group}. ")).nth(1).unwrap();
        let section = after.split("\n## ").next().unwrap();
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).collect();
        // The first names the columns.
        assert!(rows.len() > 1, "group {group} has no rows");
        for row in &rows[1..] {
            assert!(!names(row).is_empty(), "no test shows: {row}");
        }
    }
    let missing: Vec<_> = names(&page)
        .into_iter()
        .filter(|name| !tests.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// What is written as code and could be the name of a test.
fn names(text: &str) -> Vec<&str> {
    let code = text.split('`').skip(1).step_by(2);
    let is_name =
        |text: &&str| text.contains('_') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    code.filter(is_name).collect()
}

/// The names of all functions in files with tests.
fn tests() -> BTreeSet<String> {
    let files = FOLDERS
        .iter()
        .flat_map(|folder| files_below(&root().join(folder)));
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        // The last makes a test of each name for each kind of database.
        let marks = ["#[test]", "#[tokio::test", "on_both! {"];
        if !marks.iter().any(|mark| text.contains(mark)) {
            continue;
        }
        for after in text.split("fn ").skip(1) {
            names.insert(after.split('(').next().unwrap().to_owned());
        }
    }
    names
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
